/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* System calls of the library that fail when they are told to (the program is linked with --wrap). */

#include <glib.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

typedef enum
{
  FAULT_FCNTL = 1 << 0,
  FAULT_FSTAT = 1 << 1,
  FAULT_OPEN = 1 << 2,
  FAULT_EPOLL_CREATE = 1 << 3,
  FAULT_EPOLL_CTL = 1 << 4,
  FAULT_GETSOCKOPT = 1 << 5,
  FAULT_MEMORY = 1 << 6,    /* g_try_malloc(), which has no errno */
  FAULT_ALL = (1 << 7) - 1
} Fault;

/* Which calls count, and which of them fails with what: the one with this number, or each. */
static int faulty;           /* Fault, 0: none */
static guint fault_number;   /* 0: each */
static int fault_errno;
static guint n_fault_calls;  /* of any thread: to be used where one is under way */

static inline void
begin_faults (int   which,
              guint number,
              int   errsv)
{
  n_fault_calls = 0;
  fault_number = number;
  fault_errno = errsv;
  g_atomic_int_set (&faulty, which);
}

static inline void
end_faults (void)
{
  g_atomic_int_set (&faulty, 0);
}

static inline gboolean
is_fault (Fault which)
{
  if (!(g_atomic_int_get (&faulty) & which))
    return FALSE;
  n_fault_calls++;
  if (fault_number != 0 && n_fault_calls != fault_number)
    return FALSE;
  errno = fault_errno;
  return TRUE;
}

int __real_fcntl64 (int fd, int command, ...);
int __wrap_fcntl64 (int fd, int command, ...);
int __real_fstat64 (int fd, struct stat *status);
int __wrap_fstat64 (int fd, struct stat *status);
int __real_open64 (const char *path, int flags, ...);
int __wrap_open64 (const char *path, int flags, ...);
int __real_epoll_create1 (int flags);
int __wrap_epoll_create1 (int flags);
int __real_epoll_ctl (int set, int operation, int fd, struct epoll_event *event);
int __wrap_epoll_ctl (int set, int operation, int fd, struct epoll_event *event);
int __real_getsockopt (int fd, int level, int option, void *value, socklen_t *length);
int __wrap_getsockopt (int fd, int level, int option, void *value, socklen_t *length);
gpointer __real_g_try_malloc (gsize size);
gpointer __wrap_g_try_malloc (gsize size);
gpointer __real_g_try_realloc (gpointer block, gsize size);
gpointer __wrap_g_try_realloc (gpointer block, gsize size);

int
__wrap_fcntl64 (int fd,
                int command,
                ...)
{
  va_list arguments;
  long argument;

  va_start (arguments, command);
  argument = va_arg (arguments, long);
  va_end (arguments);
  /* By its other commands the library asks for what cannot fail so. */
  if (command != F_GETFL && command != F_SETFL && command != F_GETFD && command != F_DUPFD_CLOEXEC)
    return __real_fcntl64 (fd, command, argument);
  return is_fault (FAULT_FCNTL) ? -1 : __real_fcntl64 (fd, command, argument);
}

int
__wrap_fstat64 (int          fd,
                struct stat *status)
{
  return is_fault (FAULT_FSTAT) ? -1 : __real_fstat64 (fd, status);
}

int
__wrap_open64 (const char *path,
               int         flags,
               ...)
{
  va_list arguments;
  int mode;

  va_start (arguments, flags);
  mode = va_arg (arguments, int);
  va_end (arguments);
  return is_fault (FAULT_OPEN) ? -1 : __real_open64 (path, flags, mode);
}

int
__wrap_epoll_create1 (int flags)
{
  return is_fault (FAULT_EPOLL_CREATE) ? -1 : __real_epoll_create1 (flags);
}

int
__wrap_epoll_ctl (int                 set,
                  int                 operation,
                  int                 fd,
                  struct epoll_event *event)
{
  return is_fault (FAULT_EPOLL_CTL) ? -1 : __real_epoll_ctl (set, operation, fd, event);
}

int
__wrap_getsockopt (int        fd,
                   int        level,
                   int        option,
                   void      *value,
                   socklen_t *length)
{
  return is_fault (FAULT_GETSOCKOPT) ? -1 : __real_getsockopt (fd, level, option, value, length);
}

gpointer
__wrap_g_try_malloc (gsize size)
{
  return is_fault (FAULT_MEMORY) ? NULL : __real_g_try_malloc (size);
}

gpointer
__wrap_g_try_realloc (gpointer block,
                      gsize    size)
{
  return is_fault (FAULT_MEMORY) ? NULL : __real_g_try_realloc (block, size);
}
