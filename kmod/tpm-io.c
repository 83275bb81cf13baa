// SPDX-License-Identifier: GPL-2.0
/*
 * tpm-io.c - one TPM 2.0 command after the other (see tpm-io.h)
 *
 * Uses the kernel's driver and nothing else of it: its command buffers differ
 * from version to version, ours are those of the wire protocol.
 */
#include <linux/device.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/tpm.h>

#include "tpm-io.h"

/* Before the parameters: tag u16, length u32, command or response code u32. */
#define HEADER_LEN	10

#if IS_ENABLED(CONFIG_TCG_TPM)

struct tpm_calls {
	typeof(tpm_default_chip) *default_chip;
	typeof(tpm_try_get_ops) *try_get_ops;
	typeof(tpm_put_ops) *put_ops;
	typeof(tpm_transmit_cmd) *transmit_cmd;
};

/*
 * Where the kernel's TPM support is a module, a dependency on it would load it
 * on machines that have no TPM, or keep us out where it is not installed.
 */
#if IS_MODULE(CONFIG_TCG_TPM)
#define call_get(name)	symbol_get(name)
#define call_put(name)	symbol_put(name)
#else
#define call_get(name)	(&(name))
#define call_put(name)	do { } while (0)
#endif

static struct tpm_calls calls;
static unsigned int calls_users;
static DEFINE_MUTEX(calls_lock);

static void calls_put_locked(void)
{
	if (calls.default_chip)
		call_put(tpm_default_chip);
	if (calls.try_get_ops)
		call_put(tpm_try_get_ops);
	if (calls.put_ops)
		call_put(tpm_put_ops);
	if (calls.transmit_cmd)
		call_put(tpm_transmit_cmd);
	memset(&calls, 0, sizeof(calls));
}
