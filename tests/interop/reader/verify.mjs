// SPDX-License-Identifier: GPL-2.0
//
// The verifier's own verdict on each vector, on changes of all that it accepts,
// and on itself with one mistake at a time: the vectors have to notice each.
// Speaks TAP. Run by run.

import { checks, mistakes } from './bytes.mjs';
import { cases, judge } from './judge.mjs';
import { mutate } from './mutate.mjs';

const [vectors] = process.argv.slice(2);
let count = 0;
let failed = 0;

function result(good, name, why) {
	count++;
	failed += !good;
	console.log(`${good ? '' : 'not '}ok ${count} - ${name}`);
	if (!good)
		console.log(`# ${why}`);
}

// The reason is compared where the vectors give one.
const agrees = (c, got) =>
	got.verdict === c.verdict && (c.reason === undefined || got.reason === c.reason);

// 100001 entries have 9 MB: the vectors claim so many, and have too few bytes.  A
// statement that is cut has no suite, which is refused as well.
const UNSEEN = ['list-form: has at most 100000 entries', 'evidence-form: has all its bytes'];

const STEPS = ['the challenge leaves out G', 'the challenge always has OtherInfo',
	'the challenge leaves out lengths', 'coefficients of 15 bytes', 'coefficients from 1',
	'the seed leaves out the commitment', 'the seed leaves out the statement',
	'compromised keys are proved', 'a coefficient is skipped', 'the identity is skipped'];

function noticed(mistake, among) {
	mistakes.add(mistake);
	const by = among.find((c) => !agrees(c, judge(c)));
	mistakes.delete(mistake);
	return by;
}

const all = [...cases(vectors)];
const good = [];
const refusedBy = {};
for (const c of all) {
	const got = judge(c);
	result(agrees(c, got), `${c.title} is ${c.verdict}`,
		`the reader says ${got.verdict}: ${got.reason}: ${got.check ?? ''}; the vector ${c.reason ?? ''}`);
	if (got.verdict === 'ok')
		good.push(c);
	if (got.check)
		(refusedBy[got.check] ??= []).push(c);
}
const judged = count;

let refused = 0;
for (const [kind, of] of Object.entries(mutate(good))) {
	const sum = of.malformed + of.false + of.unsupported;
	refused += sum;
	result(!of.wrong.length, `${of.cases} cases of ${kind}: ${sum} changes are refused ` +
		`(${of.malformed} malformed, ${of.false} false; ${of.left} bytes are left out)`,
		`accepted: ${of.wrong.slice(0, 20).join('; ')}`);
}

// A check that is left out changes nothing but for those that it refuses.
for (const check of [...checks].filter((name) => !UNSEEN.includes(name))) {
	const by = noticed(check, refusedBy[check] ?? []);
	result(by, `without the check that ${check} a vector fails`, 'all vectors agree');
}
for (const step of STEPS)
	result(noticed(step, all), `where ${step} a vector fails`, 'all vectors agree');

console.log(`# ${judged} vectors judged, ${refused} changes refused, ` +
	`${checks.size + STEPS.length} mistakes`);
console.log(`1..${count}`);
process.exit(failed ? 1 : 0);
