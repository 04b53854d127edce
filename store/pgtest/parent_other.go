//go:build !linux

package pgtest

import "syscall"

// endWithParent changes nothing: other kernels cannot do it.
func endWithParent(attr *syscall.SysProcAttr) *syscall.SysProcAttr { return attr }
