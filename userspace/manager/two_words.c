// SPDX-License-Identifier: GPL-2.0
/*
 * two_words.c - the acts that can take two administrators; apart from what does so,
 * for the command line, which reads policies too
 */
#include "two_person.h"

const char *const zkhsmd_two_words[] = {
	"revoke-element", "revoke-cluster", "revoke-hsm", "approve-configuration", "trust-change",
	"restore", "release-quarantine", "release-alert", "end-enrolment", "enroll", "backup", NULL
};
