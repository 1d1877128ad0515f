/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Size checks that both compilers make: the contract has no holes and the same layout on both sides. */
#ifndef KPULSE_ABI_ASSERT_H
#define KPULSE_ABI_ASSERT_H

#ifdef __cplusplus
#define KP_ASSERT_SIZE(type, size) static_assert(sizeof(type) == (size), "ABI: " #type)
#else
#define KP_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), "ABI: " #type)
#endif

#endif
