/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/uio.h>

G_BEGIN_DECLS

/*
 * The system calls, with what POSIX leaves to every caller: EINTR is retried, SIGPIPE
 * never reaches the process and no signal disposition is changed, descriptors that we open
 * are CLOEXEC and not standard input, output or error, even where those numbers are free. All set errno, and may be
 * called from any thread.
 */

typedef enum
{
  KAA_FD_PIPE,      /* pipe or FIFO */
  KAA_FD_SOCKET,    /* stream socket */
  KAA_FD_TTY,       /* terminal, serial line, pseudo-terminal (either end) */
  KAA_FD_FILE,      /* regular file or block device: always "ready", so never polled */
  KAA_FD_OTHER      /* eventfd, timerfd, inotify, other character devices: messages */
} KaaFdKind;

typedef struct
{
  KaaFdKind kind;
  gboolean readable;       /* what the access mode allows */
  gboolean writable;
  gboolean nonblocking;    /* O_NONBLOCK is set */
  gboolean pty;            /* a pseudo-terminal (EIO after hang-up is EOF there), either end */
  gboolean pty_master;     /* must not be reopened: that would make a new one */
  guint64 identity;        /* who it is, to tell whether a number still means the same thing */
} KaaFdInfo;

/* What fd is, or a GError: INVALID_ARGUMENT (negative or not open, O_PATH, listening socket),
 * IS_DIRECTORY, NOT_SUPPORTED (datagram or seqpacket socket). The messages say what to do. */
gboolean kaa_sys_inspect          (int         fd,
                                   KaaFdInfo  *info,
                                   GError    **error);
/* TRUE if the number fd still means what it meant when info was taken, as far as that can be known: only what is closed, or is
 * another one, does not. (What shares one inode, as all eventfds do, cannot be told from its like.) */
gboolean kaa_sys_is_same          (int              fd,
                                   const KaaFdInfo *info);

/* Who it is, 0 where that cannot be known. */
guint64  kaa_sys_get_identity     (int fd);
/* Marks what we opened ourselves, and where nobody else keeps a mark: sets of descriptors, timers. Only those of one inode can thus be
 * told from each other. 0 where that is impossible. */
int      kaa_sys_mark             (int fd);
/* FALSE where the number was closed, or stands for something else by now. */
gboolean kaa_sys_has_mark         (int fd, int mark);

gssize   kaa_sys_read             (int fd, void *buffer, gsize length);
gssize   kaa_sys_recv             (int fd, void *buffer, gsize length);          /* MSG_DONTWAIT */
gssize   kaa_sys_writev           (int fd, const struct iovec *vectors, int n);  /* never SIGPIPE */
/* To a file, which may block; nor SIGXFSZ, where the file would be larger than the process may make one (EFBIG). */
gssize   kaa_sys_write_file       (int fd, const void *data, gsize length);
gssize   kaa_sys_sendv            (int fd, const struct iovec *vectors, int n);  /* MSG_DONTWAIT | MSG_NOSIGNAL */
/* From a pipe, or into one, without copying: splice(2), as often as it moves anything (within reason), never SIGPIPE. The pipe
 * does not block, the other end only where its description does. EINVAL, ENOSYS: not between these two. *missing: what has to be
 * waited for before there is more to do, POLLIN of the one, POLLOUT of the other, or 0. After EAGAIN 0 means that both are ready and it
 * fails all the same: there is urgent data, or little memory. At the end of a socket it says 0, and at urgent data, too. */
gssize   kaa_sys_splice           (int from, int to, gsize length, short *missing);
/* What holds more already, or may not hold that much, stays as it is. */
void     kaa_sys_enlarge_pipe     (int fd, int size);
/* Around a write(2) that somebody else makes. */
typedef struct
{
  sigset_t before;
  gboolean was_pending;
} KaaSigpipeGuard;

void     kaa_sys_block_sigpipe    (KaaSigpipeGuard *guard);
void     kaa_sys_restore_sigpipe  (KaaSigpipeGuard *guard, gboolean may_be_raised);

/* For a descriptor that was just opened: itself, or, where it was given one of the numbers 0 to 2, a duplicate above them, and it is
 * closed. Whoever writes to standard error must not reach what we have opened. CLOEXEC if it was moved; -1 stays -1, with errno. */
int      kaa_sys_move_up          (int fd);
/* The same for both of a pair. FALSE: both are closed, and -1. */
gboolean kaa_sys_move_pair_up     (int fds[2]);
/* A duplicate, CLOEXEC, above 2. */
int      kaa_sys_dup              (int fd);
/* Never retried: after EINTR the number may be another's already. */
int      kaa_sys_close            (int fd);
/* A look at the first byte of a socket: 1, 0 at the end, -1. An error of the connection is told once. */
gssize   kaa_sys_peek             (int fd);
/* Bytes that can be read now, at least 1 if there are any; 0 where it cannot be known. */
gsize    kaa_sys_get_unread       (int fd);
/* A description of our own for a terminal, pipe or FIFO: /proc/self/fd/N with flags
 * | O_NONBLOCK | O_CLOEXEC | O_NOCTTY. access_mode: O_RDONLY, O_WRONLY or O_RDWR. -1 where that
 * cannot be had: other kinds, pseudo-terminal masters (ENOTSUP), no permission, a FIFO nobody reads. */
int      kaa_sys_reopen           (int fd, int access_mode);

/* A terminal line for ourselves, until it is released: kept from others that open it, and locked. EBUSY: it is somebody else's. Each
 * must be asked for before the line is touched. */
gboolean kaa_sys_hold_tty         (int fd);
void     kaa_sys_release_tty      (int fd);
/* FALSE, with EBUSY, where somebody holds it. */
gboolean kaa_sys_is_free_tty      (int fd);
/* O_NONBLOCK on a description that is shared: counted for each description, and put back as it was
 * by the last release. A number that does not mean the same any more is only counted off. */
gboolean kaa_sys_acquire_nonblocking (int fd, const KaaFdInfo *info);
void     kaa_sys_release_nonblocking (int fd, const KaaFdInfo *info);

G_END_DECLS
