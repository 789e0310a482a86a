//go:build katatest

package main

// #cgo CFLAGS: -DKATATEST
import "C"
