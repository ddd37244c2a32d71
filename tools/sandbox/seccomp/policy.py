"""What a process in the sandbox may ask of the kernel, and why.

Default deny: what is not named here answers ENOSYS, as on a kernel that does not have it; programs and libraries
then take the older way.  What a program must not do and has no other way for answers EPERM.  Calls with
conditions: conditions.py.  Why so: docs/decisions/0013-default-deny.md.
"""


def names(text: str) -> frozenset[str]:
    """The calls named in a text like those below, without the reasons."""
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


ALLOWED = """
# Its own memory; how much is kept by limits.
brk get_mempolicy madvise map_shadow_stack membarrier mincore mlock mlock2 mlockall mmap mprotect mremap mseal msync
munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect

# Files by name.  Which ones is a matter of mounts and Landlock.
access chdir chown faccessat faccessat2 fchownat futimesat getcwd lchown link linkat lstat mkdir mkdirat newfstatat
readlink readlinkat rename renameat renameat2 rmdir stat statfs statx symlink symlinkat truncate umask unlink
unlinkat utime utimensat utimes
getxattr lgetxattr listxattr llistxattr lremovexattr lsetxattr removexattr setxattr

# Files by descriptor, pipes, waiting for any of them.
close close_range copy_file_range dup dup2 dup3 fadvise64 fchdir fchown fdatasync fgetxattr flistxattr flock
fremovexattr fsetxattr fstat fstatfs fsync ftruncate getdents getdents64 lseek pipe pipe2 pread64 preadv preadv2
pwrite64 pwritev pwritev2 read readahead readv sendfile splice sync_file_range tee write writev
epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 inotify_add_watch
inotify_init inotify_init1 inotify_rm_watch poll ppoll pselect6 select signalfd signalfd4 timerfd_create
timerfd_gettime timerfd_settime

# Sockets once they are there: which kinds may be is a condition of socket and socketpair.
accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg sendmmsg sendmsg sendto
setsockopt shutdown

# Processes and threads of its own, signals and locks between them.
arch_prctl execve execveat exit exit_group fork get_robust_list gettid rseq set_robust_list set_tid_address vfork wait4
waitid
futex futex_waitv pause pidfd_open pidfd_send_signal kill restart_syscall rt_sigaction rt_sigpending rt_sigprocmask
rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sigaltstack tgkill tkill
getpgid getpgrp getpid getppid getsid setpgid setsid

# Who it is.  Changing that needs capabilities, and it has none.
capget capset getegid geteuid getgid getgroups getresgid getresuid getuid setfsgid setfsuid setgid setgroups setregid
setresgid setresuid setreuid setuid

# Its share of the machine; limits can only be lowered.
getcpu getpriority getrlimit getrusage ioprio_get prlimit64 sched_get_priority_max sched_get_priority_min
sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr
sched_setparam sched_setscheduler sched_yield setpriority setrlimit sysinfo times uname

# Time and chance.
alarm clock_getres clock_gettime clock_nanosleep getitimer getrandom gettimeofday nanosleep setitimer time timer_create
timer_delete timer_getoverrun timer_gettime timer_settime

# Giving up further rights.
landlock_add_rule landlock_create_ruleset landlock_restrict_self
"""

REFUSED = """
# Namespaces and mounts: the way out of what we built, and where most holes of the kernel were.
chroot fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree open_tree_attr pivot_root setns umount2
unshare

# Other processes: their memory, their descriptors, how they run.
ioprio_set kcmp migrate_pages move_pages pidfd_getfd process_madvise process_mrelease process_vm_readv process_vm_writev
ptrace

# Code and queues that work inside the kernel: a large surface, and past this filter.
bpf io_uring_enter io_uring_register io_uring_setup perf_event_open userfaultfd

# Keys are the user's, not the sandbox's.
add_key keyctl request_key

# A file by its number on the disk, past every folder; watching whole mounts.
fanotify_init fanotify_mark name_to_handle_at open_by_handle_at

# All that is the host's: its clock, name, modules, swap, quotas, log, ports, disks.
acct adjtimex clock_adjtime clock_settime delete_module finit_module init_module ioperm iopl kexec_file_load kexec_load
quotactl quotactl_fd reboot setdomainname sethostname settimeofday swapoff swapon sync syncfs syslog vhangup

# Where memory lies on a machine with several nodes.
mbind set_mempolicy set_mempolicy_home_node
"""

ABSENT = """
# What they are asked for lies behind a pointer, where a filter cannot look; libraries take the older call, whose
# arguments it sees.
clone3 fchmodat2 file_setattr openat2 removexattrat setxattrat

# Memory that no limit of the process counts, and that stays when it ends.
memfd_create memfd_secret mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv
msgsnd semctl semget semop semtimedop shmat shmctl shmdt shmget

# Requests in the kernel's queue, of which all users of the host have one number together.
io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit

# Seldom used, with a record of holes.
modify_ldt remap_file_pages vmsplice

# So new that every program can do without; each one's use has to be found first.
cachestat file_getattr futex_requeue futex_wait futex_wake getxattrat listmount listxattrat lsm_get_self_attr
lsm_list_modules lsm_set_self_attr statmount

# No longer there, or of no use on 64 bits.
_sysctl afs_syscall create_module epoll_ctl_old epoll_wait_old get_kernel_syms get_thread_area getpmsg lookup_dcookie
nfsservctl putpmsg query_module security set_thread_area sysfs tuxcall uselib ustat vserver
"""

METADATA = names("""
chmod chown fchmod fchmodat fchown fchownat fremovexattr fsetxattr futimesat lchown lremovexattr lsetxattr removexattr
setxattr utime utimensat utimes
""")
"""Owner, mode, times and attributes of files: a descriptor open for reading is enough, and Landlock does not look."""

ABSENT_ON_TIER_3 = """
# Landlock hides what is in a folder, but not that it changes; programs look now and then in its place.
inotify_add_watch inotify_init inotify_init1 inotify_rm_watch
"""

REFUSED_ON_TIER_3 = """
# There is no network namespace, and Landlock leaves sockets by path open.
accept accept4 bind connect listen socket
"""
