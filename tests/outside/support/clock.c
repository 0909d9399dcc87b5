/* The clocks of a program, from outside. Preloaded, it lets time run CLOCK_SPEED times as fast since CLOCK_START and
 * adds what stands in the file CLOCK_PAGE, three numbers of nanoseconds:
 *   0  time that passed at once: every clock
 *   1  time the computer slept: every clock but CLOCK_MONOTONIC, which stands still then
 *   2  what somebody set the wall clock by
 * Waiting for I/O is cut short now and then, so that timers see the new time. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define SLICE_MS 5

static volatile int64_t *page;
static int64_t start, speed = 1;

static int64_t real(clockid_t id) {
    struct timespec t;
    syscall(SYS_clock_gettime, id, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

__attribute__((constructor)) static void begin(void) {
    const char *file = getenv("CLOCK_PAGE"), *since = getenv("CLOCK_START"), *times = getenv("CLOCK_SPEED");
    if (!file || !since || !times) return;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    void *found = fd < 0 ? MAP_FAILED : mmap(NULL, 3 * sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
    if (found == MAP_FAILED) abort();
    close(fd);
    start = strtoll(since, NULL, 10);
    speed = strtoll(times, NULL, 10);
    page = found;
}

int clock_gettime(clockid_t id, struct timespec *t) {
    int slept = 0, set = 0;
    switch (id) {
    case CLOCK_REALTIME: case CLOCK_REALTIME_COARSE: set = 1; /* fall through */
    case CLOCK_BOOTTIME: slept = 1; /* fall through */
    case CLOCK_MONOTONIC: case CLOCK_MONOTONIC_COARSE: case CLOCK_MONOTONIC_RAW: break;
    default: return syscall(SYS_clock_gettime, id, t);
    }
    int64_t now = real(id);
    if (page) {
        now += (real(CLOCK_MONOTONIC) - start) * (speed - 1) + page[0];
        if (slept) now += page[1];
        if (set) now += page[2];
    }
    t->tv_sec = now / SECOND;
    t->tv_nsec = now % SECOND;
    return 0;
}

int epoll_pwait(int fd, struct epoll_event *events, int most, int timeout, const sigset_t *mask) {
    if (page && timeout > 0) {
        int64_t wait = (timeout + speed - 1) / speed;
        timeout = wait < SLICE_MS ? wait : SLICE_MS;
    }
    return syscall(SYS_epoll_pwait, fd, events, most, timeout, mask, _NSIG / 8);
}

int epoll_wait(int fd, struct epoll_event *events, int most, int timeout) {
    return epoll_pwait(fd, events, most, timeout, NULL);
}
