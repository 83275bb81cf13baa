/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What kmemleak finds, for a test that has to look by itself; tools/vm looks at
 * the end of every run.
 */
#ifndef ZKHSM_LEAKS_H
#define ZKHSM_LEAKS_H

/*
 * Checks that nothing is left, but for what was allocated on behalf of @known,
 * a function of the kernel that is known to lose memory (NULL: there is none);
 * that is told, and then forgotten. Skips where there is no kmemleak.
 */
void leaks_check(const char *known);

#endif /* ZKHSM_LEAKS_H */
