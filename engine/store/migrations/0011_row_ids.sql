-- Only what OCPP 1.6 carries as a 32-bit integer takes its number from voltrio_ids: sessions (transactionId) and
-- reservations. Authorizations and orphans are many more, repetitions included.
create sequence voltrio_row_ids as bigint minvalue 2147483648 no cycle;
