/* Thousands of OCPP chargers in one process and one epoll loop, to load a server from another core.
 *
 *   loadgen PORT CONNECTIONS PREFIX PASSWORD MODE [VERSION]
 *
 * Charger i connects to /ocpp/PREFIX%05d with Basic credentials, unless PASSWORD is "-". MODE says what answers:
 * "ocpp" a central system, "plain" something that answers any call with a CALLRESULT (nothing is booted),
 * "echo" something that sends every text back. VERSION is 1.6 (what is meant without it), 2.0.1 or 2.1. Commands come from stdin, one a line, and each is answered by one
 * line of JSON when all chargers have done it:
 *
 *   open RATE               connect at RATE a second (0: all at once); in mode "ocpp" boot and tell a status
 *   start N                 have N transactions begun on each charger (0, 1 or 2)
 *   run ACTION SECONDS      closed loop of Heartbeat, or of MeterValues (2.x: TransactionEvent(Updated)) of five
 *                           samples: the next leaves when the answer is there. After so many seconds no more
 *                           leave, and it ends with the last answer: all are counted, in all of that time
 *   cut N                   all connections break at once; come back, boot, resume, have N transactions
 *   lose N                  the same, but the server is about to break them
 *   stop                    end all transactions
 *   ledger FILE             write what was acknowledged: identity, transaction, meter at start and end
 *
 * Each charger has one call out at a time. A lost connection is opened again, a transaction message repeated
 * until it is answered. Every answer must be a CALLRESULT for the call that is out; what is not, is counted.
 * Calls of the server are answered Accepted at once. Text frames, handshakes and JSON are taken apart only as far
 * as that needs.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { RX = 4096, TX = 2048, ID = 36, CONNECTORS = 2, PER_SOURCE = 5000, EVENTS = 512 };
enum { POWER_W = 11040, GOAL_PATIENCE_US = 180000000, BOOT_AGAIN_US = 1000000 };
enum { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10, CALL = 2, CALLRESULT = 3, CALLERROR = 4 };

enum action { BOOT, STATUS, HEARTBEAT, METER, START, STOP, ACTIONS, NONE = ACTIONS };
/* What reports call them; on the wire they end at the bracket. */
static const char *const NAMES_16[ACTIONS] = {"BootNotification", "StatusNotification", "Heartbeat",
                                              "MeterValues",      "StartTransaction",   "StopTransaction"};
static const char *const NAMES_2X[ACTIONS] = {
    "BootNotification",          "StatusNotification",        "Heartbeat",
    "TransactionEvent(Updated)", "TransactionEvent(Started)", "TransactionEvent(Ended)"};

struct transaction {
    int64_t id, started_ms, stopped_ms, first_sent_us;
    int meter_start, meter_stop, over, resumed;
    int events, last_event; /* 2.x: seqNo of the newest event, and of the one that ended it */
};

struct charger {
    int fd, index, upgraded, booted, told, settled, delayed;
    int64_t due_us, sent_us, last_ms;
    enum action out; /* the call that waits for its answer */
    int out_connector, received;
    uint64_t sequence;
    char id[ID + 1];
    struct transaction transactions[CONNECTORS];
    unsigned char buffer[RX];
};

struct latencies {
    uint32_t *us;
    size_t count, room;
};

static struct charger *chargers;
static struct latencies latencies[ACTIONS];
static int epoll_fd, port, connections, echo, plain;
static const char *prefix, *password, *version = "1.6";
static const char *const *names = NAMES_16;
static int is_16 = 1;
/* What all chargers are to reach, and how far they are. */
static int goal_begun, goal_over, settled, delayed;
static enum action looping = NONE;
static int64_t loop_until_us;
static char command[64];
static int busy;
static int64_t command_us, last_boot_us;
static long losses, refused, call_errors, calls_answered;

static int64_t clock_us(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t now_us(void) { return clock_us(CLOCK_MONOTONIC); }

static void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static void note_latency(enum action action, int64_t us) {
    struct latencies *l = &latencies[action];
    if (l->count == l->room) {
        l->room = l->room ? l->room * 2 : 4096;
        l->us = realloc(l->us, l->room * sizeof *l->us);
        if (!l->us) die("no memory");
    }
    l->us[l->count++] = (uint32_t)us;
}

static void delay(struct charger *c, int64_t due_us) {
    c->due_us = due_us;
    delayed += !c->delayed;
    c->delayed = 1;
}

static int64_t between(int64_t least, int64_t most) { return least + random() % (most - least + 1); }

/* --- the report ---------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile_ms(const struct latencies *l, double percent) {
    size_t at = (size_t)((double)l->count * percent / 100);
    return l->us[at < l->count ? at : l->count - 1] / 1e3;
}

static void report(const char *error) {
    double seconds = (double)(now_us() - command_us) / 1e6;
    printf("{\"command\":\"%s\",\"seconds\":%.6f,\"losses\":%ld,\"refused\":%ld,\"call_errors\":%ld,"
           "\"calls_answered\":%ld,\"settled\":%d,\"booted_after\":%.6f,\"latency\":{",
           command, seconds, losses, refused, call_errors, calls_answered, settled,
           last_boot_us ? (double)(last_boot_us - command_us) / 1e6 : 0.0);
    const char *comma = "";
    for (int a = 0; a < ACTIONS; a++) {
        struct latencies *l = &latencies[a];
        if (!l->count) continue;
        qsort(l->us, l->count, sizeof *l->us, ascending);
        double sum = 0;
        for (size_t i = 0; i < l->count; i++) sum += l->us[i];
        printf("%s\"%s\":{\"count\":%zu,\"per_second\":%.1f,\"mean_ms\":%.4f,\"p50_ms\":%.4f,\"p99_ms\":%.4f,"
               "\"max_ms\":%.4f}",
               comma, names[a], l->count, (double)l->count / seconds, sum / (double)l->count / 1e3,
               percentile_ms(l, 50), percentile_ms(l, 99), percentile_ms(l, 100));
        comma = ",";
    }
    printf("},\"error\":%s%s%s}\n", error ? "\"" : "", error ? error : "null", error ? "\"" : "");
    fflush(stdout);
    busy = 0;
    looping = NONE;
}

static void begin(const char *line) {
    snprintf(command, sizeof command, "%s", line);
    for (int a = 0; a < ACTIONS; a++) latencies[a].count = 0;
    losses = refused = call_errors = calls_answered = 0;
    last_boot_us = 0;
    settled = 0;
    for (int i = 0; i < connections; i++) chargers[i].settled = 0;
    busy = 1;
    command_us = now_us();
}

/* --- the wire ------------------------------------------------------------------------------------------------ */

static void start_connecting(struct charger *c);

/* The connection is gone; whatever was out is sent again on the next one. */
static void lose(struct charger *c, int64_t back_us) {
    if (c->fd >= 0) {
        struct linger reset = {1, 0}; /* leaves no port in TIME_WAIT */
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(c->fd);
    }
    settled -= c->settled;
    c->fd = -1;
    c->upgraded = c->booted = c->told = c->settled = c->received = 0;
    c->out = NONE;
    for (int k = 0; k < CONNECTORS; k++) c->transactions[k].resumed = 0;
    delay(c, back_us);
}

static void lose_by_accident(struct charger *c) {
    losses++;
    lose(c, now_us() + between(200000, 2000000));
}

static int send_all(struct charger *c, const void *data, size_t length) {
    if (send(c->fd, data, length, MSG_NOSIGNAL) == (ssize_t)length) return 1;
    lose_by_accident(c); /* such short messages always fit, unless the peer is gone */
    return 0;
}

static int send_frame(struct charger *c, int opcode, const char *payload, size_t length) {
    static const unsigned char mask[4] = {0x4f, 0x43, 0x50, 0x50};
    unsigned char frame[TX + 8];
    size_t n = 0;
    if (length > TX) die("frame too long");
    frame[n++] = (unsigned char)(0x80 | opcode);
    if (length < 126) {
        frame[n++] = (unsigned char)(0x80 | length);
    } else {
        frame[n++] = 0x80 | 126;
        frame[n++] = (unsigned char)(length >> 8);
        frame[n++] = (unsigned char)length;
    }
    memcpy(frame + n, mask, 4);
    n += 4;
    for (size_t i = 0; i < length; i++) frame[n + i] = (unsigned char)payload[i] ^ mask[i & 3];
    return send_all(c, frame, n + length);
}

static void base64(const char *in, char *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t length = strlen(in);
    for (size_t i = 0; i < length; i += 3) {
        unsigned v = (unsigned char)in[i] << 16;
        if (i + 1 < length) v |= (unsigned char)in[i + 1] << 8;
        if (i + 2 < length) v |= (unsigned char)in[i + 2];
        *out++ = digits[v >> 18];
        *out++ = digits[v >> 12 & 63];
        *out++ = i + 1 < length ? digits[v >> 6 & 63] : '=';
        *out++ = i + 2 < length ? digits[v & 63] : '=';
    }
    *out = 0;
}

static void send_upgrade(struct charger *c) {
    char request[1024], pair[256], token[512], authorization[600] = "";
    if (strcmp(password, "-") != 0) {
        snprintf(pair, sizeof pair, "%s%05d:%s", prefix, c->index, password);
        base64(pair, token);
        snprintf(authorization, sizeof authorization, "Authorization: Basic %s\r\n", token);
    }
    int n = snprintf(request, sizeof request,
                     "GET /ocpp/%s%05d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Key: dm9sdHJpbyBsb2FkIGtleQ==\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp%s\r\n%s\r\n",
                     prefix, c->index, port, version, authorization);
    send_all(c, request, (size_t)n);
}

static void start_connecting(struct charger *c) {
    int one = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    /* One address has 28,000 ports for one server: use several. */
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(c->index / PER_SOURCE));
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) die("socket: %s", strerror(errno));
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(c->fd, (struct sockaddr *)&from, sizeof from)) die("bind: %s", strerror(errno));
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) {
        lose_by_accident(c);
        return;
    }
    struct epoll_event event = {.events = EPOLLOUT, .data.u32 = (uint32_t)c->index};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
}

static void on_connected(struct charger *c) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error) {
        lose_by_accident(c);
        return;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)c->index};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
    send_upgrade(c);
}

/* --- what a charger says ------------------------------------------------------------------------------------- */

/* Milliseconds since 1970 that never come twice on one charger. */
static int64_t moment_ms(struct charger *c) {
    int64_t ms = clock_us(CLOCK_REALTIME) / 1000;
    c->last_ms = ms > c->last_ms ? ms : c->last_ms + 1;
    return c->last_ms;
}

static const char *stamp(int64_t ms) {
    static char text[48];
    static int64_t of_second = -1;
    if (ms / 1000 != of_second) {
        time_t seconds = (time_t)(of_second = ms / 1000);
        struct tm t;
        strftime(text, 21, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &t));
    }
    snprintf(text + 19, 16, ".%03dZ", (int)(ms % 1000));
    return text;
}

static double register_wh(const struct transaction *t, int64_t ms) {
    return t->meter_start + (double)(ms - t->started_ms) * POWER_W / 3.6e6;
}

static void note_start(struct charger *c, int k, int64_t ms) {
    struct transaction *t = &c->transactions[k];
    if (t->started_ms) return; /* it is sent again */
    t->started_ms = ms;
    t->meter_start = 1000 * (c->index + 1) + k;
}

static void note_stop(struct transaction *t, int64_t ms) {
    if (t->stopped_ms) return;
    t->stopped_ms = ms;
    t->meter_stop = (int)register_wh(t, ms) + 1;
    t->last_event = ++t->events;
}

static int payload_16(struct charger *c, enum action action, int k, int64_t ms, char *out, size_t room) {
    struct transaction *t = &c->transactions[k];
    switch (action) {
    case BOOT:
        return snprintf(out, room,
                        "{\"chargePointVendor\":\"Voltaris\",\"chargePointModel\":\"Load\","
                        "\"chargePointSerialNumber\":\"%05d\",\"firmwareVersion\":\"1.0\"}",
                        c->index);
    case STATUS:
        return snprintf(out, room,
                        "{\"connectorId\":1,\"errorCode\":\"NoError\",\"status\":\"%s\",\"timestamp\":\"%s\"}",
                        t->id && !t->over ? "Charging" : "Available", stamp(ms));
    case METER:
        return snprintf(
            out, room,
            "{\"connectorId\":%d,\"transactionId\":%" PRId64 ",\"meterValue\":[{\"timestamp\":\"%s\",\"sampledValue\":["
            "{\"value\":\"%.1f\",\"measurand\":\"Energy.Active.Import.Register\",\"unit\":\"Wh\"},"
            "{\"value\":\"%d.0\",\"measurand\":\"Power.Active.Import\",\"unit\":\"W\"},"
            "{\"value\":\"16.00\",\"measurand\":\"Current.Import\",\"phase\":\"L1\",\"unit\":\"A\"},"
            "{\"value\":\"230.1\",\"measurand\":\"Voltage\",\"phase\":\"L1-N\",\"unit\":\"V\"},"
            "{\"value\":\"57.5\",\"measurand\":\"SoC\",\"location\":\"EV\",\"unit\":\"Percent\"}]}]}",
            k + 1, t->id, stamp(ms), register_wh(t, ms), POWER_W);
    case START:
        note_start(c, k, ms);
        return snprintf(out, room,
                        "{\"connectorId\":%d,\"idTag\":\"%sTAG\",\"meterStart\":%d,\"timestamp\":\"%s\"}", k + 1,
                        prefix, t->meter_start, stamp(t->started_ms));
    case STOP:
        note_stop(t, ms);
        return snprintf(out, room,
                        "{\"transactionId\":%" PRId64 ",\"meterStop\":%d,\"timestamp\":\"%s\",\"reason\":\"Local\"}",
                        t->id, t->meter_stop, stamp(t->stopped_ms));
    default:
        return snprintf(out, room, "{}");
    }
}

/* In 2.x a charger numbers its transactions itself. */
static int64_t own_number(const struct charger *c, int k) { return (int64_t)c->index * CONNECTORS + k + 1; }

/* Connector k of 1.6 is the connector of EVSE k here. */
static int event_2x(const struct charger *c, int k, const char *type, const char *reason, int event, int64_t ms,
                    const char *more, const char *samples, char *out, size_t room) {
    char at[48];
    strcpy(at, stamp(ms));
    return snprintf(out, room,
                    "{\"eventType\":\"%s\",\"meterValue\":[{\"sampledValue\":[%s],\"timestamp\":\"%s\"}],"
                    "\"timestamp\":\"%s\",\"triggerReason\":\"%s\",\"seqNo\":%d,"
                    "\"transactionInfo\":{\"transactionId\":\"%" PRId64 "\",%s}}",
                    type, samples, at, at, reason, event, own_number(c, k), more);
}

static int payload_2x(struct charger *c, enum action action, int k, int64_t ms, char *out, size_t room) {
    struct transaction *t = &c->transactions[k];
    char samples[1024], more[256];
    switch (action) {
    case BOOT:
        return snprintf(out, room,
                        "{\"chargingStation\":{\"serialNumber\":\"%05d\",\"model\":\"Load\","
                        "\"vendorName\":\"Voltaris\",\"firmwareVersion\":\"1.0\"},\"reason\":\"PowerUp\"}",
                        c->index);
    case STATUS:
        return snprintf(
            out, room,
            "{\"timestamp\":\"%s\",\"connectorStatus\":\"%s\",\"evseId\":1,\"connectorId\":1}", stamp(ms),
            t->id && !t->over ? "Occupied" : "Available");
    case METER:
        snprintf(samples, sizeof samples,
                 "{\"value\":%.1f,\"measurand\":\"Energy.Active.Import.Register\","
                 "\"unitOfMeasure\":{\"unit\":\"Wh\"}},"
                 "{\"value\":%d.0,\"measurand\":\"Power.Active.Import\",\"unitOfMeasure\":{\"unit\":\"W\"}},"
                 "{\"value\":16.00,\"measurand\":\"Current.Import\",\"phase\":\"L1\","
                 "\"unitOfMeasure\":{\"unit\":\"A\"}},"
                 "{\"value\":230.1,\"measurand\":\"Voltage\",\"phase\":\"L1-N\","
                 "\"unitOfMeasure\":{\"unit\":\"V\"}},"
                 "{\"value\":57.5,\"measurand\":\"SoC\",\"location\":\"EV\","
                 "\"unitOfMeasure\":{\"unit\":\"Percent\"}}",
                 register_wh(t, ms), POWER_W);
        return event_2x(c, k, "Updated", "MeterValuePeriodic", ++t->events, ms, "\"chargingState\":\"Charging\"",
                        samples, out, room);
    case START:
        note_start(c, k, ms);
        snprintf(samples, sizeof samples, "{\"value\":%d,\"context\":\"Transaction.Begin\"}", t->meter_start);
        snprintf(more, sizeof more,
                 "\"chargingState\":\"Charging\"},\"evse\":{\"id\":%d,\"connectorId\":1},"
                 "\"idToken\":{\"idToken\":\"%sTAG\",\"type\":\"Central\"",
                 k + 1, prefix);
        return event_2x(c, k, "Started", "Authorized", 0, t->started_ms, more, samples, out, room);
    case STOP:
        note_stop(t, ms);
        snprintf(samples, sizeof samples, "{\"value\":%d,\"context\":\"Transaction.End\"}", t->meter_stop);
        return event_2x(c, k, "Ended", "StopAuthorized", t->last_event, t->stopped_ms,
                        "\"stoppedReason\":\"Local\"", samples, out, room);
    default:
        return snprintf(out, room, "{}");
    }
}

static void call(struct charger *c, enum action action, int k) {
    char payload[TX], text[TX];
    (is_16 ? payload_16 : payload_2x)(c, action, k, moment_ms(c), payload, sizeof payload);
    c->sequence++;
    snprintf(c->id, sizeof c->id, "%08x-0000-4000-8000-%012" PRIx64, (unsigned)c->index, c->sequence & 0xffffffffffff);
    int n = snprintf(text, sizeof text, "[2,\"%s\",\"%.*s\",%s]", c->id, (int)strcspn(names[action], "("),
                     names[action], payload);
    c->out = action;
    c->out_connector = k;
    c->sent_us = now_us();
    if (action == START && !c->transactions[k].first_sent_us) c->transactions[k].first_sent_us = c->sent_us;
    send_frame(c, TEXT, text, (size_t)n);
}

/* The first thing that is still to be done, or nothing. */
static void proceed(struct charger *c) {
    if (!c->booted) {
        call(c, BOOT, 0);
        return;
    }
    if (!c->told) {
        call(c, STATUS, 0);
        return;
    }
    for (int k = 0; k < CONNECTORS; k++) {
        struct transaction *t = &c->transactions[k];
        if (t->id && !t->over && !t->resumed) {
            call(c, METER, k);
            return;
        }
    }
    for (int k = 0; k < goal_begun; k++) {
        if (!c->transactions[k].id) {
            call(c, START, k);
            return;
        }
    }
    for (int k = 0; goal_over && k < CONNECTORS; k++) {
        struct transaction *t = &c->transactions[k];
        if (t->id && !t->over) {
            call(c, STOP, k);
            return;
        }
    }
    if (looping != NONE && now_us() < loop_until_us) {
        call(c, looping, 0);
        return;
    }
    settled += !c->settled;
    c->settled = 1;
}

/* --- what the server says ------------------------------------------------------------------------------------ */

static const char *after_spaces(const char *p) {
    while (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r') p++;
    return p;
}

/* The value of a member, wherever it stands; for the few answers that are looked into. */
static const char *member(const char *json, const char *quoted_name) {
    const char *at = strstr(json, quoted_name);
    if (!at) return NULL;
    at = after_spaces(at + strlen(quoted_name));
    return *at == ':' ? after_spaces(at + 1) : NULL;
}

static int is_accepted(const char *json) {
    const char *status = member(json, "\"status\"");
    return status && strncmp(status, "\"Accepted\"", 10) == 0;
}

static void on_result(struct charger *c, const char *payload) {
    enum action action = c->out;
    struct transaction *t = &c->transactions[c->out_connector];
    int64_t now = now_us();
    c->out = NONE;
    note_latency(action, now - (action == START ? t->first_sent_us : c->sent_us));
    if (plain) {
        proceed(c);
        return;
    }
    if (action == BOOT) {
        if (!is_accepted(payload)) {
            refused++;
            delay(c, now + between(BOOT_AGAIN_US, 2 * BOOT_AGAIN_US));
            return;
        }
        c->booted = 1;
        last_boot_us = now;
    } else if (action == STATUS) {
        c->told = 1;
    } else if (action == METER) {
        t->resumed = 1;
    } else if (action == START) {
        const char *id = is_16 ? member(payload, "\"transactionId\"") : NULL;
        refused += !is_accepted(payload);
        t->id = id ? atoll(id) : is_16 ? 0 : own_number(c, c->out_connector);
        t->resumed = 1;
        if (!t->id) die("StartTransaction answered without transactionId: %s", payload);
    } else if (action == STOP) {
        t->over = 1;
    }
    proceed(c);
}

static void on_call(struct charger *c, const char *id, size_t length) {
    char text[TX];
    int n = snprintf(text, sizeof text, "[3,\"%.*s\",{\"status\":\"Accepted\"}]", (int)length, id);
    if (send_frame(c, TEXT, text, (size_t)n)) calls_answered++;
}

static void on_call_error(struct charger *c, const char *text) {
    if (!call_errors++) fprintf(stderr, "%s%05d: %s\n", prefix, c->index, text);
    c->out = NONE;
    delay(c, now_us() + between(BOOT_AGAIN_US, 2 * BOOT_AGAIN_US));
}

static void on_text(struct charger *c, const char *text) {
    const char *p = after_spaces(text);
    int kind = *p == '[' ? atoi(after_spaces(p + 1)) : 0;
    const char *id = strchr(p, '"'), *end = id ? strchr(id + 1, '"') : NULL;
    if (!end) die("not a message: %s", text);
    id++;
    if (kind == CALL && !echo) {
        on_call(c, id, (size_t)(end - id));
        return;
    }
    if (c->out == NONE || end - id != ID || memcmp(id, c->id, ID) != 0) die("answers no call that is out: %s", text);
    if (kind == CALLERROR)
        on_call_error(c, text);
    else if (kind == (echo ? CALL : CALLRESULT))
        on_result(c, end + 1);
    else
        die("unexpected message type: %s", text);
}

static void on_frame(struct charger *c, int opcode, char *payload, size_t length) {
    if (opcode == TEXT) {
        char kept = payload[length];
        payload[length] = 0;
        on_text(c, payload);
        payload[length] = kept;
    } else if (opcode == PING) {
        send_frame(c, PONG, payload, length);
    } else if (opcode == CLOSE) {
        lose_by_accident(c);
    }
}

/* Take all whole frames out of the buffer. */
static void take_frames(struct charger *c) {
    int at = 0, fd = c->fd;
    while (c->received - at >= 2) {
        unsigned char *f = c->buffer + at;
        int head = 2, length = f[1] & 127;
        if (length == 127 || !(f[0] & 0x80) || f[1] & 0x80) die("frame too long, fragmented or masked");
        if (length == 126) {
            if (c->received - at < 4) break;
            head = 4;
            length = f[2] << 8 | f[3];
        }
        if (head + length >= RX) die("frame of %d bytes", length);
        if (c->received - at < head + length) break;
        on_frame(c, f[0] & 15, (char *)f + head, (size_t)length);
        if (c->fd != fd) return; /* lost meanwhile */
        at += head + length;
    }
    c->received -= at;
    memmove(c->buffer, c->buffer + at, (size_t)c->received);
}

static void take_handshake(struct charger *c) {
    c->buffer[c->received] = 0;
    char *head = (char *)c->buffer, *end = strstr(head, "\r\n\r\n");
    if (!end) return;
    if (strncmp(head, "HTTP/1.1 101 ", 13) != 0) {
        const char *after = strcasestr(head, "retry-after:");
        if (strncmp(head, "HTTP/1.1 503 ", 13) != 0) die("%.*s", (int)(end - head), head);
        refused++;
        lose(c, now_us() + (after ? atoi(after + 12) : 1) * between(1000000, 1200000));
        return;
    }
    c->upgraded = 1;
    c->received -= (int)(end + 4 - head);
    memmove(c->buffer, end + 4, (size_t)c->received);
    c->booted = c->told = plain;
    proceed(c);
    take_frames(c);
}

static void on_readable(struct charger *c) {
    ssize_t n = recv(c->fd, c->buffer + c->received, (size_t)(RX - 1 - c->received), 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        lose_by_accident(c);
        return;
    }
    c->received += (int)n;
    if (c->upgraded)
        take_frames(c);
    else
        take_handshake(c);
}

/* --- commands ------------------------------------------------------------------------------------------------ */

static void kick_all(void) {
    for (int i = 0; i < connections; i++) {
        struct charger *c = &chargers[i];
        if (c->upgraded && c->out == NONE && !c->delayed) proceed(c);
    }
}

static void write_ledger(const char *file) {
    FILE *out = fopen(file, "w");
    if (!out) die("%s: %s", file, strerror(errno));
    for (int i = 0; i < connections; i++) {
        for (int k = 0; k < CONNECTORS; k++) {
            struct transaction *t = &chargers[i].transactions[k];
            if (t->id)
                fprintf(out, "%s%05d %" PRId64 " %d %d\n", prefix, i, t->id, t->meter_start, t->over ? t->meter_stop : -1);
        }
    }
    fclose(out);
}

static void obey(char *line) {
    char word[16] = "", argument[1024] = "", second[16] = "";
    sscanf(line, "%15s %1023s %15s", word, argument, second);
    begin(word);
    int64_t now = command_us;
    if (strcmp(word, "open") == 0) {
        double rate = atof(argument);
        for (int i = 0; i < connections; i++) delay(&chargers[i], rate > 0 ? now + (int64_t)(i * 1e6 / rate) : now);
    } else if (strcmp(word, "start") == 0) {
        goal_begun = atoi(argument);
        kick_all();
    } else if (strcmp(word, "run") == 0) {
        looping = strcmp(argument, names[METER]) == 0 ? METER : HEARTBEAT;
        loop_until_us = now + (int64_t)(atof(second) * 1e6);
        kick_all();
    } else if (strcmp(word, "cut") == 0) {
        goal_begun = atoi(argument);
        for (int i = 0; i < connections; i++) lose(&chargers[i], now);
    } else if (strcmp(word, "lose") == 0) {
        goal_begun = atoi(argument);
    } else if (strcmp(word, "stop") == 0) {
        goal_over = 1;
        kick_all();
    } else if (strcmp(word, "ledger") == 0) {
        write_ledger(argument);
        report(NULL);
    } else {
        die("unknown command: %s", line);
    }
}

static char input[2048];
static size_t input_length;
static int input_over;

static void read_commands(void) {
    ssize_t n = read(STDIN_FILENO, input + input_length, sizeof input - 1 - input_length);
    if (n <= 0) {
        input_over = 1;
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
        return;
    }
    input_length += (size_t)n;
    input[input_length] = 0;
}

/* One command after the other: the next begins when the last is answered. False when there will be none. */
static int obey_next(void) {
    char *end = strchr(input, '\n');
    if (!end) return !input_over;
    *end = 0;
    obey(input);
    input_length -= (size_t)(end + 1 - input);
    memmove(input, end + 1, input_length + 1);
    return 1;
}

static void serve_delayed(void) {
    int64_t now = now_us();
    for (int i = 0; delayed && i < connections; i++) {
        struct charger *c = &chargers[i];
        if (!c->delayed || c->due_us > now) continue;
        c->delayed = 0;
        delayed--;
        if (c->fd < 0)
            start_connecting(c);
        else if (c->upgraded && c->out == NONE)
            proceed(c);
    }
}

int main(int count, char **arguments) {
    if (count != 6 && count != 7)
        die("usage: %s PORT CONNECTIONS PREFIX PASSWORD ocpp|plain|echo [1.6|2.0.1|2.1]", arguments[0]);
    if (count == 7) version = arguments[6];
    is_16 = strcmp(version, "1.6") == 0;
    names = is_16 ? NAMES_16 : NAMES_2X;
    port = atoi(arguments[1]);
    connections = atoi(arguments[2]);
    prefix = arguments[3];
    password = arguments[4];
    echo = strcmp(arguments[5], "echo") == 0;
    plain = echo || strcmp(arguments[5], "plain") == 0;
    chargers = calloc((size_t)connections, sizeof *chargers);
    if (!chargers) die("no memory");
    for (int i = 0; i < connections; i++) {
        struct charger *c = &chargers[i];
        c->fd = -1;
        c->index = i;
        c->out = NONE;
        if (plain) {
            c->transactions[0] = (struct transaction){.id = 1, .resumed = 1, .meter_start = 1000, .over = 1};
            c->transactions[0].started_ms = clock_us(CLOCK_REALTIME) / 1000;
        }
    }
    epoll_fd = epoll_create1(0);
    struct epoll_event input = {.events = EPOLLIN, .data.u32 = (uint32_t)connections};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &input);
    for (;;) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(epoll_fd, events, EVENTS, delayed ? 1 : 100);
        for (int j = 0; j < n; j++) {
            if (events[j].data.u32 == (uint32_t)connections) {
                read_commands();
                continue;
            }
            struct charger *c = &chargers[events[j].data.u32];
            if (c->fd < 0) continue;
            if (events[j].events & EPOLLOUT)
                on_connected(c);
            else
                on_readable(c);
        }
        if (delayed) serve_delayed();
        if (busy && settled == connections) report(NULL);
        if (busy && now_us() - command_us > GOAL_PATIENCE_US) report("not done in time");
        if (!busy && !obey_next()) return 0;
    }
}
