/* A slow disk: whatever is opened under a name such as slow-200 takes 200 ms for each read. Loaded by LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { most = 65536 };
/* Microseconds, by descriptor. */
static volatile useconds_t delays[most];

static int real_open(const char *path, int flags, mode_t mode) {
  int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, "open64");
  int fd = next(path, flags, mode);
  const char *name = strrchr(path, '/');
  if (fd >= 0 && fd < most) {
    delays[fd] = name && strncmp(name, "/slow-", 6) == 0 ? 1000 * atoi(name + 6) : 0;
  }
  return fd;
}

#define OPEN(symbol)                                \
  int symbol(const char *path, int flags, ...) {    \
    va_list more;                                   \
    va_start(more, flags);                          \
    mode_t mode = va_arg(more, mode_t);             \
    va_end(more);                                   \
    return real_open(path, flags, mode);            \
  }
OPEN(open)
OPEN(open64)

/* libuv closes by a call of the system that passes this library by: what has the number then may be a socket. */
static void wait_for(int fd) {
  struct stat what;
  if (fd < 0 || fd >= most || !delays[fd]) return;
  if (fstat(fd, &what) == 0 && S_ISREG(what.st_mode)) usleep(delays[fd]);
  else delays[fd] = 0;
}

ssize_t read(int fd, void *bytes, size_t count) {
  ssize_t (*next)(int, void *, size_t) = dlsym(RTLD_NEXT, "read");
  wait_for(fd);
  return next(fd, bytes, count);
}

#define PREAD(symbol)                                                            \
  ssize_t symbol(int fd, void *bytes, size_t count, off64_t at) {                \
    ssize_t (*next)(int, void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pread64"); \
    wait_for(fd);                                                                \
    return next(fd, bytes, count, at);                                           \
  }
PREAD(pread)
PREAD(pread64)

#define PREADV(symbol)                                                                   \
  ssize_t symbol(int fd, const struct iovec *parts, int count, off64_t at) {             \
    ssize_t (*next)(int, const struct iovec *, int, off64_t) = dlsym(RTLD_NEXT, "preadv64"); \
    wait_for(fd);                                                                        \
    return next(fd, parts, count, at);                                                   \
  }
PREADV(preadv)
PREADV(preadv64)
