/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Integer types for headers that are compiled both into BPF programs and into user space.
 *
 * BPF code takes them from the project's own vmlinux.h (no libc, no kernel BTF), everything else
 * from the kernel's UAPI headers, so that a struct means the same on both sides.
 */
#ifndef MAPE_TYPES_H
#define MAPE_TYPES_H

#ifdef __bpf__
#include "vmlinux.h"
#else
#include <stdbool.h>
#include <linux/types.h>
#endif

/* Inlined on both sides: a BPF program must not have calls that an old verifier cannot follow. */
#define MAPE_INLINE static inline __attribute__((always_inline, unused))

/*
 * A struct that both sides read has one size, whatever the word size and the byte order. Structs
 * with a 64-bit member also carry aligned(8), because i386 would align that member to 4 bytes.
 */
#define MAPE_ASSERT_SIZE(type, size)                                                               \
	_Static_assert(sizeof(type) == (size), "sizeof(" #type ") is part of the map layout")

#endif /* MAPE_TYPES_H */
