// SPDX-License-Identifier: GPL-2.0
/* Inputs: made anew, changed, crossed with another. */
#include <linux/zkhsm.h>
#include <string.h>

#include "nlf.h"

/* splitmix64 (Steele, Lea, Flood 2014): one word of state, good enough to choose with. */
uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint32_t random_below(uint64_t *state, uint32_t limit)
{
	return (uint32_t)(random_next(state) >> 32) % limit;
}

/* Once more in the list: what has most behind it. */
static const uint8_t often[] = {
	ZKHSM_CMD_ORDER_APPLY, ZKHSM_CMD_ORDER_APPLY, ZKHSM_CMD_ORDER_APPLY, ZKHSM_CMD_KEY_NEW,
	ZKHSM_CMD_KEY_SET, ZKHSM_CMD_EVIDENCE_GET, ZKHSM_CMD_PROOF_GET, ZKHSM_CMD_TRUST_NEW,
	ZKHSM_CMD_HSM_SEAL, ZKHSM_CMD_HSM_SEAL, ZKHSM_CMD_HSM_UNSEAL, ZKHSM_CMD_HSM_UNSEAL,
	ZKHSM_CMD_HSM_UNSEAL, ZKHSM_CMD_SHARE_NEW, ZKHSM_CMD_KEY_NEW, ZKHSM_CMD_HSM_LOCK,
};
_Static_assert(NLF_COMMANDS == 32 && sizeof(often) == 16, "inputs in files mean what they meant");

/* Events and strangers included; a command that the family gains takes no other's place. */
uint8_t step_command(const struct nlf_step *s)
{
	unsigned int i = s->cmd % 64;

	return i < NLF_COMMANDS ? (uint8_t)i : often[i % sizeof(often)];
}

static void fill(void *out, size_t len, uint64_t *random)
{
	uint8_t *p = out;

	while (len--)
		*p++ = (uint8_t)(random_next(random) >> 40);
}

/* Mostly valid: what is refused at the door tells little about the house. */
static void step_fresh(struct nlf_step *s, uint64_t *random)
{
	uint32_t r;
	int i;

	fill(s, sizeof(*s), random);
	if (random_below(random, 3))
		s->how = nlf_commands[step_command(s)].has_dump && random_below(random, 2) ?
			 HOW_DUMP : HOW_SEND;
	if (random_below(random, 10))
		s->socket = 0;
	r = random_below(random, 16);
	s->changes = r < 9 ? 0 : r < 12 ? 1 : r < 14 ? 0x10 : (uint8_t)(s->changes & 0x33);
	for (i = 0; i < VALUES_MAX; i++) {
		r = random_below(random, 24);
		if (r < 14)
			s->value[i].sel = 0;
		else if (r < 22)
			s->value[i].sel = 1 + s->value[i].sel % 127;
		else
			s->value[i].sel |= 0x80;
	}
	for (i = 0; i < 4; i++)
		if (random_below(random, 4))
			s->order[i] = 0;
	/* Which manager and of what type is no exception. */
	s->order[0] = (uint8_t)random_next(random);
	s->order[1] = (uint8_t)random_next(random);
}

void input_fresh(struct nlf_input *in, uint64_t *random)
{
	uint32_t i;

	in->count = 1 + random_below(random, STEPS_MAX);
	for (i = 0; i < in->count; i++)
		step_fresh(&in->step[i], random);
}

static void bytes_change(struct nlf_step *s, uint64_t *random)
{
	uint8_t *bytes = (uint8_t *)s;
	uint32_t at = random_below(random, STEP_LEN);

	switch (random_below(random, 5)) {
	case 0:
		bytes[at] ^= (uint8_t)(1 << random_below(random, 8));
		break;
	case 1:
		bytes[at] = (uint8_t)random_next(random);
		break;
	case 2:
		bytes[at] = random_below(random, 2) ? bytes[at] + 1 : bytes[at] - 1;
		break;
	case 3:
		bytes[at] = 0;
		break;
	default:
		/* What a step is like as a whole has few bytes; they are changed as often. */
		bytes[random_below(random, 4)] = (uint8_t)random_next(random);
	}
}

static void steps_change(struct nlf_input *in, const struct nlf_input *other, uint64_t *random)
{
	uint32_t at = random_below(random, in->count);
	struct nlf_step s;

	switch (random_below(random, 5)) {
	case 0:
		step_fresh(&in->step[at], random);
		break;
	case 1:
		if (in->count < STEPS_MAX)
			in->step[in->count++] = in->step[at];
		break;
	case 2:
		if (in->count > 1)
			in->step[at] = in->step[--in->count];
		break;
	case 3:
		s = in->step[at];
		in->step[at] = in->step[in->count - 1];
		in->step[in->count - 1] = s;
		break;
	default:
		s = other->step[random_below(random, other->count)];
		if (in->count < STEPS_MAX)
			in->step[in->count++] = s;
		else
			in->step[at] = s;
	}
}

void input_change(struct nlf_input *in, const struct nlf_input *other, uint64_t *random)
{
	uint32_t i, n = 1 + random_below(random, 4);

	for (i = 0; i < n; i++) {
		if (random_below(random, 3))
			bytes_change(&in->step[random_below(random, in->count)], random);
		else
			steps_change(in, other, random);
	}
}

/* From a file: whole steps, at least one. */
bool input_decode(struct nlf_input *in, const uint8_t *bytes, size_t len)
{
	if (!len || len % STEP_LEN || len > INPUT_MAX)
		return false;
	in->count = (uint32_t)(len / STEP_LEN);
	memcpy(in->step, bytes, len);
	return true;
}
