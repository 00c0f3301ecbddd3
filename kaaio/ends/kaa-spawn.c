/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fork() and exec, by ourselves.
 *
 * Neither of GLib's ways does all that is needed: g_spawn leaves the signal mask and ignored signals to the child, makes no
 * session, cannot take a terminal; posix_spawn() says what went wrong, but not whether it was the directory or the
 * program. What is done here is what posix_spawn() does: on Linux the child is a vfork(), which shares the memory and
 * copies no page table (with 1 GiB of heap a start takes a seventh of the time that fork() needs), and runs no handlers of
 * pthread_atfork().
 *
 * So between vfork() and exec only system calls are made, on memory that was prepared before: no
 * allocation, no locks, no GLib. All signals are blocked from before the vfork() until the child has no handlers any
 * more. What fails there comes back through a pipe that exec closes.
 */

#include "ends/kaa-spawn.h"

#include "bytes/kaa-sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

/* Linux 5.11; the headers of the C library may be older. */
#ifndef CLOSE_RANGE_CLOEXEC
# define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

#define FIRST_OTHER_FD 3

typedef enum
{
  STEP_PARENT,
  STEP_SESSION,
  STEP_DESCRIPTORS,
  STEP_DIRECTORY,
  STEP_LIMITS,
  STEP_EXEC
} Step;

/* What the child says before it ends, if it says anything. */
typedef struct
{
  Step step;
  int errsv;
} Report;

typedef struct
{
  const KaaSpawn *request;
  char **candidates;   /* the paths to try */
  int *sources;        /* of request->fds, for the child to write to */
  int report_fd;
  pid_t parent;
} Child;

/* --- the child: system calls only --- */

static G_NORETURN void
give_up (int  report_fd,
         Step step)
{
  Report report = { step, errno };
  ssize_t n;

  do
    n = write (report_fd, &report, sizeof report);
  while (n < 0 && errno == EINTR);
  _exit (127);
}

static void
set_cloexec (int fd)
{
  int flags = fcntl (fd, F_GETFD);

  if (flags >= 0)
    fcntl (fd, F_SETFD, flags | FD_CLOEXEC);
}

#ifdef __linux__

/* As the kernel writes it. */
typedef struct
{
  guint64 inode;
  gint64 offset;
  unsigned short length;
  unsigned char type;
  char name[];
} DirectoryEntry;

/* opendir() allocates, so the entries come from the kernel itself. Flags of descriptors may be changed meanwhile. */
static gboolean
set_cloexec_by_directory (void)
{
  char buffer[2048] __attribute__ ((aligned (8)));
  int dir = open ("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  long n;

  if (dir < 0)
    return FALSE;

  while ((n = syscall (SYS_getdents64, dir, buffer, sizeof buffer)) > 0)
    for (long at = 0; at < n; )
      {
        const DirectoryEntry *entry = (const DirectoryEntry *) (gconstpointer) (buffer + at);
        int fd = 0;

        for (const char *digit = entry->name; *digit >= '0' && *digit <= '9'; digit++)
          fd = fd * 10 + (*digit - '0');
        if (fd >= FIRST_OTHER_FD)
          set_cloexec (fd);
        at += entry->length;
      }
  close (dir);
  return n == 0;
}

#else

static gboolean
set_cloexec_by_directory (void)
{
  return FALSE;
}

#endif

void
kaa_spawn_set_cloexec (gboolean by_directory)
{
  struct rlimit limit;
  int end = 65536;

#ifdef SYS_close_range
  if (!by_directory && syscall (SYS_close_range, FIRST_OTHER_FD, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
    return;
#endif
  if (set_cloexec_by_directory ())
    return;

  if (getrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < (rlim_t) end)
    end = (int) limit.rlim_cur;
  for (int fd = FIRST_OTHER_FD; fd < end; fd++)
    set_cloexec (fd);
}

/* As in a fresh process: handlers are gone with exec anyway, but what is ignored would stay so. */
static void
reset_signals (void)
{
  struct sigaction action = { .sa_handler = SIG_DFL };
  sigset_t none;

  for (int signum = 1; signum < NSIG; signum++)
    sigaction (signum, &action, NULL);
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
}

static gboolean
is_target (const KaaSpawn *request,
           int             fd)
{
  if (fd < FIRST_OTHER_FD)
    return TRUE;
  for (guint i = 0; i < request->n_fds; i++)
    if (request->fds[i].target == fd)
      return TRUE;
  return FALSE;
}

/* Out of the way of what is put into place: a duplicate under a number that nobody is to have. */
static int
move_aside (const KaaSpawn *request,
            int             fd)
{
  int lowest = FIRST_OTHER_FD;
  int moved;

  while ((moved = fcntl (fd, F_DUPFD_CLOEXEC, lowest)) >= 0 && is_target (request, moved))
    {
      close (moved);
      lowest = moved + 1;
    }
  return moved;
}

/* Where a source has the number of another one's target. */
static gboolean
move_sources_aside (Child *child)
{
  const KaaSpawn *request = child->request;

  for (guint i = 0; i < request->n_fds; i++)
    {
      child->sources[i] = request->fds[i].source;
      if (child->sources[i] >= 0 && child->sources[i] != request->fds[i].target && is_target (request, child->sources[i]))
        child->sources[i] = move_aside (request, child->sources[i]);
      if (child->sources[i] < 0 && request->fds[i].source >= 0)
        return FALSE;
    }
  return TRUE;
}

static gboolean
put_into_place (int source,
                int target)
{
  int result;

  do
    result = source == target ? fcntl (target, F_SETFD, 0) : dup2 (source, target);
  while (result < 0 && errno == EINTR);
  return result >= 0;
}

static gboolean
put_nothing_into_place (int target)
{
  int fd = open ("/dev/null", O_RDWR);
  gboolean placed;

  if (fd < 0 || fd == target)
    return fd >= 0;

  placed = put_into_place (fd, target);
  close (fd);
  return placed;
}

/* What is closed would be the next thing that the program opens; what is close-on-exec was not meant for it. */
static gboolean
check_standard_fd (const KaaSpawn *request,
                   int             fd)
{
  int flags = fcntl (fd, F_GETFD);

  for (guint i = 0; i < request->n_fds; i++)
    if (request->fds[i].target == fd)
      return TRUE;
  return (flags >= 0 && !(flags & FD_CLOEXEC)) || put_nothing_into_place (fd);
}

static gboolean
put_descriptors_into_place (Child *child)
{
  const KaaSpawn *request = child->request;

  if (!move_sources_aside (child))
    return FALSE;

  for (guint i = 0; i < request->n_fds; i++)
    if (!(child->sources[i] >= 0 ? put_into_place (child->sources[i], request->fds[i].target)
                                 : put_nothing_into_place (request->fds[i].target)))
      return FALSE;
  for (int fd = 0; fd < FIRST_OTHER_FD; fd++)
    if (!check_standard_fd (request, fd))
      return FALSE;
  return TRUE;
}

static gboolean
set_limits (const KaaSpawn *request)
{
  for (guint i = 0; i < request->n_limits; i++)
    if (setrlimit (request->limits[i].resource, &request->limits[i].limit) < 0)
      return FALSE;
  return TRUE;
}

static gboolean
enter_session (const KaaSpawn *request)
{
  if (request->terminal >= 0)
    return setsid () >= 0 && ioctl (request->terminal, TIOCSCTTY, 0) >= 0;
  if (request->new_session)
    return setsid () >= 0;
  return !request->new_group || setpgid (0, 0) >= 0;
}

/* A parent that had died before the request was made would never be noticed. (One outside of the child's namespace has no number.) */
static gboolean
bind_to_parent (const Child *child)
{
#ifdef PR_SET_PDEATHSIG
  pid_t parent;

  if (prctl (PR_SET_PDEATHSIG, SIGKILL) < 0)
    return FALSE;
  parent = getppid ();
  if (parent != child->parent && parent != 0)
    _exit (127);
  return TRUE;
#else
  errno = ENOSYS;
  return FALSE;
#endif
}

static gboolean
is_cancelled (const KaaSpawn *request)
{
  return request->handle != NULL && g_atomic_int_get (&request->handle->cancelled);
}

/* Whether another place in PATH is worth a try. */
static gboolean
is_absence (int errsv)
{
  return errsv == ENOENT || errsv == ENOTDIR || errsv == EACCES || errsv == ESTALE || errsv == ENODEV ||
         errsv == ETIMEDOUT;
}

static void
try_candidates (const Child *child)
{
  gboolean denied = FALSE;

  for (char **path = child->candidates; *path != NULL; path++)
    {
      if (is_cancelled (child->request))
        _exit (127);
      execve (*path, (char **) child->request->argv, child->request->envp);
      if (errno == EACCES)
        denied = TRUE;
      if (!is_absence (errno))
        return;
    }
  /* That it was there and could not be used says more than that it is nowhere else. */
  if (denied)
    errno = EACCES;
}

static G_NORETURN G_NO_INLINE void
run_child (Child *child)
{
  const KaaSpawn *request = child->request;

  /* With vfork() the parent sees it at once: who calls it off either finds the child or is seen by it. */
  if (request->handle != NULL)
    request->handle->pid = getpid ();
  if (is_target (request, child->report_fd))
    child->report_fd = move_aside (request, child->report_fd);

  if (request->die_with_parent && !bind_to_parent (child))
    give_up (child->report_fd, STEP_PARENT);
  if (!enter_session (request))
    give_up (child->report_fd, STEP_SESSION);
  kaa_spawn_set_cloexec (/* by_directory= */ FALSE);
  if (!put_descriptors_into_place (child))
    give_up (child->report_fd, STEP_DESCRIPTORS);
  if (request->directory != NULL && chdir (request->directory) < 0)
    give_up (child->report_fd, STEP_DIRECTORY);

  reset_signals ();
  if (!set_limits (request))
    give_up (child->report_fd, STEP_LIMITS);
  try_candidates (child);
  give_up (child->report_fd, STEP_EXEC);
}

/* --- the parent --- */

static G_NO_INLINE pid_t
fork_child (Child *child)
{
  sigset_t all, before;
  pid_t pid;
  int errsv;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
#ifdef __linux__
  pid = vfork ();
#else
  pid = fork ();
#endif
  if (pid == 0)
    run_child (child);
  errsv = errno;
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  errno = errsv;

  return pid;
}

/* The paths that exec is tried with: PATH is that of this process, as for GLib's spawning functions. */
static char **
find_candidates (const char *program)
{
  GPtrArray *paths = g_ptr_array_new ();
  const char *path = g_getenv ("PATH");
  char **places;

  if (strchr (program, '/') != NULL)
    {
      g_ptr_array_add (paths, g_strdup (program));
    }
  else
    {
      places = g_strsplit (path != NULL ? path : "/bin:/usr/bin", ":", -1);
      for (char **place = places; *place != NULL; place++)
        g_ptr_array_add (paths, g_build_filename (**place != '\0' ? *place : ".", program, NULL));
      g_strfreev (places);
    }

  g_ptr_array_add (paths, NULL);
  return (char **) g_ptr_array_free (paths, FALSE);
}

static GSpawnError
get_exec_code (int errsv)
{
  static const struct { int errsv; GSpawnError code; } codes[] = {
    { EACCES, G_SPAWN_ERROR_ACCES }, { EPERM, G_SPAWN_ERROR_PERM }, { E2BIG, G_SPAWN_ERROR_TOO_BIG },
    { ENOEXEC, G_SPAWN_ERROR_NOEXEC }, { ENAMETOOLONG, G_SPAWN_ERROR_NAMETOOLONG }, { ENOENT, G_SPAWN_ERROR_NOENT },
    { ENOMEM, G_SPAWN_ERROR_NOMEM }, { ENOTDIR, G_SPAWN_ERROR_NOTDIR }, { ELOOP, G_SPAWN_ERROR_LOOP },
    { ETXTBSY, G_SPAWN_ERROR_TXTBUSY }, { EIO, G_SPAWN_ERROR_IO }, { ENFILE, G_SPAWN_ERROR_NFILE },
    { EMFILE, G_SPAWN_ERROR_MFILE }, { EINVAL, G_SPAWN_ERROR_INVAL }, { EISDIR, G_SPAWN_ERROR_ISDIR },
#ifdef ELIBBAD
    { ELIBBAD, G_SPAWN_ERROR_LIBBAD },
#endif
  };

  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    if (codes[i].errsv == errsv)
      return codes[i].code;
  return G_SPAWN_ERROR_FAILED;
}

/* A name may hold anything, and messages end up on terminals. */
static char *
quote (const char *name)
{
  char *valid = g_utf8_make_valid (name, -1);
  char beyond_ascii[129];
  char *quoted;

  for (guint i = 0; i < 128; i++)
    beyond_ascii[i] = (char) (128 + i);
  beyond_ascii[128] = '\0';

  quoted = g_strescape (valid, beyond_ascii);
  g_free (valid);
  return quoted;
}

static void
set_error (GError         **error,
           const KaaSpawn  *request,
           Step             step,
           int              errsv)
{
  char *program = quote (request->argv[0]);
  char *directory = request->directory != NULL ? quote (request->directory) : NULL;

  switch (step)
    {
    case STEP_PARENT:
      g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED,
                   "Letting “%s” die with its parent failed: %s", program, g_strerror (errsv));
      break;
    case STEP_SESSION:
      g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED,
                   "Giving “%s” a session, a group or a terminal failed: %s", program, g_strerror (errsv));
      break;
    case STEP_DESCRIPTORS:
      g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED,
                   "Giving “%s” its descriptors failed: %s", program, g_strerror (errsv));
      break;
    case STEP_LIMITS:
      g_set_error (error, G_SPAWN_ERROR, (int) get_exec_code (errsv),
                   "Setting the limits of “%s” failed: %s", program, g_strerror (errsv));
      break;
    case STEP_DIRECTORY:
      g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_CHDIR,
                   "Changing to the directory “%s” for “%s” failed: %s", directory, program, g_strerror (errsv));
      break;
    case STEP_EXEC:
    default:
      g_set_error (error, G_SPAWN_ERROR, (int) get_exec_code (errsv),
                   "Starting “%s” failed: %s", program, g_strerror (errsv));
      break;
    }

  g_free (program);
  g_free (directory);
}

/* Where the child had no say, exec has closed its end. */
static gboolean
read_report (int     fd,
             Report *report)
{
  return kaa_sys_read (fd, report, sizeof *report) == sizeof *report;
}

static void
reap_failed (pid_t           pid,
             KaaSpawnHandle *handle)
{
  siginfo_t info;

  /* Only the last step takes no time: the number is free then. */
  while (waitid (P_PID, (id_t) pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
    ;
  if (handle != NULL)
    g_mutex_lock (&handle->lock);
  while (waitpid (pid, NULL, 0) < 0 && errno == EINTR)
    ;
  if (handle != NULL)
    {
      handle->pid = 0;
      g_mutex_unlock (&handle->lock);
    }
}

void
kaa_spawn_cancel (KaaSpawnHandle *handle)
{
  g_mutex_lock (&handle->lock);
  g_atomic_int_set (&handle->cancelled, TRUE);
  if (handle->pid > 0)
    kill (handle->pid, SIGKILL);
  g_mutex_unlock (&handle->lock);
}

static gboolean
make_report_pipe (int    *fds,
                  GError **error)
{
  gboolean made = pipe2 (fds, O_CLOEXEC) == 0 && kaa_sys_move_pair_up (fds);

  if (!made)
    g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED, "There is no descriptor for a new process: %s",
                 g_strerror (errno));
  return made;
}

/* Where fork() has given the child a memory of its own. Leaves errno as it is. */
static void
note_child (KaaSpawnHandle *handle,
            pid_t           pid)
{
  int errsv = errno;

  if (handle != NULL)
    {
      g_mutex_lock (&handle->lock);
      handle->pid = MAX (pid, 0);
      if (pid > 0 && handle->cancelled)
        kill (pid, SIGKILL);
      g_mutex_unlock (&handle->lock);
    }
  errno = errsv;
}

pid_t
kaa_spawn (const KaaSpawn  *request,
           GError         **error)
{
  Child child = { .request = request, .parent = getpid () };
  Report report;
  int fds[2];
  pid_t pid;

  if (!make_report_pipe (fds, error))
    return -1;

  child.report_fd = fds[1];
  child.candidates = find_candidates (request->argv[0]);
  child.sources = g_new (int, request->n_fds);
  pid = fork_child (&child);
  note_child (request->handle, pid);
  if (pid < 0)
    g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FORK, "There is no process for “%s”: %s",
                 request->argv[0], g_strerror (errno));
  kaa_sys_close (fds[1]);

  if (pid > 0 && read_report (fds[0], &report))
    {
      reap_failed (pid, request->handle);
      set_error (error, request, report.step, report.errsv);
      pid = -1;
    }

  kaa_sys_close (fds[0]);
  g_strfreev (child.candidates);
  g_free (child.sources);
  return pid;
}
