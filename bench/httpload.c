/* A closed loop of HTTP requests from one process and one epoll loop, to load a server from another core.
 *
 *   httpload PORT CONNECTIONS DEPTH SECONDS PATH [HEADER…]
 *
 * Each of the connections to 127.0.0.1 sends DEPTH requests (1: no pipelining) and the next ones when all of them
 * are answered. After so many seconds no more leave, and it ends with the last answer. One line of JSON tells how
 * many were answered, in how long, and how long a group of DEPTH took. An answer that is not 200, that has no
 * Content-Length, or a connection that ends, is an error: it says so and ends with code 1.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { RX = 65536, EVENTS = 512, MOST_DEPTH = 64, PATIENCE_MS = 20000 };

struct connection {
    int fd, due; /* answers that are still to come */
    int64_t sent_us;
    size_t received;
    char buffer[RX + 1];
};

static char *batch;
static size_t batch_size;
static int depth, busy;
static uint32_t *latencies;
static size_t groups, room;
static long answers;
static int64_t until_us;

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static void note(int64_t us) {
    if (groups == room) {
        room = room ? room * 2 : 65536;
        latencies = realloc(latencies, room * sizeof *latencies);
        if (!latencies) die("no memory");
    }
    latencies[groups++] = (uint32_t)us;
}

static void make_batch(const char *path, char **headers, int count) {
    char one[8192];
    size_t size = (size_t)snprintf(one, sizeof one, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", path);
    for (int i = 0; i < count && size < sizeof one; i++)
        size += (size_t)snprintf(one + size, sizeof one - size, "%s\r\n", headers[i]);
    if (size + 3 > sizeof one) die("too long a request");
    memcpy(one + size, "\r\n", 2);
    size += 2;
    batch_size = size * (size_t)depth;
    batch = malloc(batch_size);
    if (!batch) die("no memory");
    for (int i = 0; i < depth; i++) memcpy(batch + (size_t)i * size, one, size);
}

/* The requests are few and short, the socket's buffer is empty: they go in one piece, or something is wrong. */
static void ask(struct connection *c) {
    c->due = depth;
    c->sent_us = now_us();
    if (send(c->fd, batch, batch_size, MSG_NOSIGNAL) != (ssize_t)batch_size) die("send: %s", strerror(errno));
    busy++;
}

/* The bytes of the first whole answer in the buffer; 0: it is not there yet. */
static size_t answer_in(const struct connection *c) {
    const char *end = strstr(c->buffer, "\r\n\r\n");
    if (!end) return 0;
    if (strncmp(c->buffer, "HTTP/1.1 200 ", 13)) die("not 200: %.300s", c->buffer);
    const char *length = strcasestr(c->buffer, "\r\ncontent-length:");
    if (!length || length > end) die("no length: %.300s", c->buffer);
    size_t whole = (size_t)(end + 4 - c->buffer) + strtoul(length + 17, NULL, 10);
    if (whole > RX) die("an answer of %zu bytes", whole);
    return whole <= c->received ? whole : 0;
}

static void on_readable(struct connection *c) {
    ssize_t n = recv(c->fd, c->buffer + c->received, RX - c->received, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) die("the server ended a connection (%s)", n ? strerror(errno) : "end of stream");
    c->received += (size_t)n;
    c->buffer[c->received] = 0;
    for (size_t size; c->due && (size = answer_in(c));) {
        c->received -= size;
        memmove(c->buffer, c->buffer + size, c->received + 1);
        answers++;
        if (--c->due) continue;
        int64_t now = now_us();
        note(now - c->sent_us);
        busy--;
        if (now < until_us) ask(c);
    }
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile_ms(double percent) {
    size_t at = (size_t)((double)groups * percent / 100);
    return latencies[at < groups ? at : groups - 1] / 1e3;
}

static int connected(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) die("connect: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

int main(int count, char **arguments) {
    if (count < 6) die("usage: %s PORT CONNECTIONS DEPTH SECONDS PATH [HEADER…]", arguments[0]);
    int connections = atoi(arguments[2]);
    depth = atoi(arguments[3]);
    if (depth < 1 || depth > MOST_DEPTH) die("DEPTH is 1 to %d", MOST_DEPTH);
    make_batch(arguments[5], arguments + 6, count - 6);
    struct connection *all = calloc((size_t)connections, sizeof *all);
    if (!all) die("no memory");
    int epoll_fd = epoll_create1(0);
    for (int i = 0; i < connections; i++) {
        all[i].fd = connected(atoi(arguments[1]));
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, all[i].fd, &event);
    }
    int64_t began = now_us();
    until_us = began + (int64_t)(atof(arguments[4]) * 1e6);
    for (int i = 0; i < connections; i++) ask(&all[i]);
    while (busy) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(epoll_fd, events, EVENTS, PATIENCE_MS);
        if (n == 0) die("no answer within %d ms", PATIENCE_MS);
        for (int j = 0; j < n; j++) on_readable(events[j].data.ptr);
    }
    double seconds = (double)(now_us() - began) / 1e6;
    qsort(latencies, groups, sizeof *latencies, ascending);
    printf("{\"answers\":%ld,\"seconds\":%.6f,\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n", answers, seconds,
           percentile_ms(50), percentile_ms(99));
    return 0;
}
