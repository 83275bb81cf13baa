// SPDX-License-Identifier: GPL-2.0
//
// Whatever is accepted, changed: one bit of each byte of it and of all that it is
// verified against. There is one encoding and all of it is hashed, so that
// nothing that differs can be true.

import { judge } from './judge.mjs';

const KINDS = ['proof', 'signature', 'announcement', 'delta', 'evidence', 'order', 'use', 'receipt'];

// An order of 1024 elements has 32 KiB that are all verified alike.
const PER_FIELD = 2048;

function* flips(bytes, all) {
	const step = Math.ceil(bytes.length / PER_FIELD);
	for (let at = 0; at < bytes.length; at += step) {
		for (let bit = 0; bit < 8; bit++) {
			if (!all && bit !== at % 8)
				continue;
			const bad = Buffer.from(bytes);
			bad[at] ^= 1 << bit;
			yield [`byte ${at} bit ${bit}`, bad];
		}
	}
}

// For each kind how many changes were refused, how many bytes were left out, and
// what was accepted all the same.
export function mutate(good) {
	const all = {};
	for (const c of good.filter(({ kind }) => KINDS.includes(kind))) {
		const first = !all[c.kind];
		const of = all[c.kind] ??= { cases: 0, malformed: 0, false: 0, unsupported: 0, left: 0, wrong: [] };
		of.cases++;
		for (const field of c.fields) {
			const bytes = c.bytes[field];
			if (bytes === null)
				continue;
			const step = Math.ceil(bytes.length / PER_FIELD) || 1;
			of.left += bytes.length - Math.ceil(bytes.length / step);
			// All bits of one case of each kind; one of each byte of the others.
			for (const [what, bad] of flips(bytes, first)) {
				const { verdict } = judge(c, { ...c.bytes, [field]: bad });
				if (verdict in of && verdict !== 'cases')
					of[verdict]++;
				else
					of.wrong.push(`${c.title}: ${field}: ${what}: ${verdict}`);
			}
		}
	}
	return all;
}
