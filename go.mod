module github.com/kata-logs/fluent-bit-kata

go 1.26
