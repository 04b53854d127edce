package pgtest

import "syscall"

// endWithParent makes the kernel send the server SIGINT, a fast shutdown, when
// the thread that started it ends.
func endWithParent(attr *syscall.SysProcAttr) *syscall.SysProcAttr {
	with := *attr
	with.Pdeathsig = syscall.SIGINT
	return &with
}
