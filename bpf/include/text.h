/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Text of the kernel's, read piece by piece:
 *
 *   if (skip_word(&text, "CPU#"))
 *           cpu = take_number(&text);
 *
 * Each step reads its piece anew, so that the verifier never has to follow two of them at once.
 */
#ifndef HUATUO_TEXT_H
#define HUATUO_TEXT_H

#include "huatuo.h"

#define MAX_WORD_BYTES	40
#define MAX_STAMP_BYTES 32
#define MAX_DIGITS	7

/* Goes behind a literal of at most 39 bytes, if that is what comes. */
#define skip_word(text, word) skip_text(text, word, sizeof(word) - 1)
static __always_inline bool skip_text(const char **text, const char *word, u32 bytes)
{
	u8 copy[MAX_WORD_BYTES] = {};

	bpf_probe_read_kernel_str(copy, sizeof(copy), *text);
	for (u32 i = 0; i < bytes && i < sizeof(copy); i++)
		if (copy[i] != word[i])
			return false;
	*text += bytes;
	return true;
}

/* Goes behind the "[   12.345678] " that printk() may put in front. */
static __always_inline void skip_stamp(const char **text)
{
	u8 copy[MAX_STAMP_BYTES] = {};

	bpf_probe_read_kernel_str(copy, sizeof(copy), *text);
	if (copy[0] != '[')
		return;
	for (u32 i = 0; i < sizeof(copy) - 1; i++)
		if (copy[i] == ']' && copy[i + 1] == ' ') {
			*text += i + 2;
			return;
		}
}

/* The digits that come, at most 7, as a number; 0 when there are none. */
static __always_inline u32 take_number(const char **text)
{
	u8 copy[MAX_DIGITS + 1] = {};
	u32 number = 0, digits = 0;

	bpf_probe_read_kernel_str(copy, sizeof(copy), *text);
	for (; digits < MAX_DIGITS && copy[digits] >= '0' && copy[digits] <= '9'; digits++)
		number = number * 10 + copy[digits] - '0';
	*text += digits;
	return number;
}

#endif
