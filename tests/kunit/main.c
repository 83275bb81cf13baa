// SPDX-License-Identifier: GPL-2.0
/*
 * The suites, from the ground up; the last one leaves the module disabled.
 */
#include "kunit.h"

kunit_test_suites(&zkhsm_kunit_scalar,
		  &zkhsm_kunit_point,
		  &zkhsm_kunit_group,
		  &zkhsm_kunit_transcript,
		  &zkhsm_kunit_nonce,
		  &zkhsm_kunit_schnorr,
		  &zkhsm_kunit_batch,
		  &zkhsm_kunit_ecdsa,
		  &zkhsm_kunit_shamir,
		  &zkhsm_kunit_share,
		  &zkhsm_kunit_adversarial,
		  &zkhsm_kunit_adversarial_messages,
		  &zkhsm_kunit_wire,
		  &zkhsm_kunit_wire_bytes,
		  &zkhsm_kunit_wire_order,
		  &zkhsm_kunit_set,
		  &zkhsm_kunit_record,
		  &zkhsm_kunit_key,
		  &zkhsm_kunit_order,
		  &zkhsm_kunit_lease,
		  &zkhsm_kunit_lease_apply,
		  &zkhsm_kunit_grant,
		  &zkhsm_kunit_trust_change,
		  &zkhsm_kunit_vote,
		  &zkhsm_kunit_wipe,
		  &zkhsm_kunit_fault);
