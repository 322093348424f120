package oauthredis_test

import "syscall"

func init() { endsWithTheTest = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
