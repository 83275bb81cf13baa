// SPDX-License-Identifier: GPL-2.0
//
// Every case of the vectors as something to run: what it should give and what
// our verifier gives.

import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { Fn, Fp, Refused, be16, be32, bytes32, decode, number, scalar, unhex } from './bytes.mjs';
import { apply, readConfiguration, readList } from './messages.mjs';
import { grantDigest, grantUse, nameOf, order, receipt, signature } from './orders.mjs';
import { announcement, evidence, proofOfKey } from './proofs.mjs';

const orNull = (text) => text === null ? null : unhex(text);

// What is not refused but comes out differently.
class Differs extends Error {}

function same(got, wanted) {
	if (String(got) !== String(wanted))
		throw new Differs(`${got} in place of ${wanted}`);
}

// Secrets and nonces: a proof would give away what is closer to 0.
const drawn = (x, order) => x >= 2n && x <= order - 4n;

// How one case of each kind is verified; bytes are the inputs by field.
const KINDS = {
	scalar: (b, c) => {
		const x = scalar(b.scalar, 'scalar');
		same(x !== 0n, c.half);
		same(drawn(x, Fn.ORDER), c.secret);
	},
	point: (b) => void decode(b.point, 'point'),
	name: (b) => same(nameOf(b.public).toString('hex'), b.element.toString('hex')),
	proof: (b) => proofOfKey(b.public, b.user_id, b.other_info, b.proof),
	signature: (b) => signature(b.signature, b.digest, b.public),
	evidence: (b, c) => {
		const proved = evidence(b.evidence, { list: b.list, configuration: b.configuration,
			manager: b.manager_id, nonce: b.nonce });
		if (c.proved)
			same(proved, c.proved);
	},
	list: (b) => void readList(b.list),
	configuration: (b) => void readConfiguration(b.configuration),
	announcement: (b) => announcement(b.announcement, b.identity),
	delta: (b, c) => {
		const list = apply(b.base, b.delta);
		if (c.verdict === 'ok')
			same(list.toString('hex'), c.list);
	},
	order: (b) => order(b.order, b.hsm_id, b.public),
	'grant digest': (b) => same(grantDigest(b.hsm_id, b.body).toString('hex'), b.digest.toString('hex')),
	use: (b) => grantUse(b.signature, b.digest, b.client),
	receipt: (b) => receipt(b.receipt, b.identity, b.grant_digest, b.output),
	range: (b, c) => {
		const { ORDER } = { n: Fn, p: Fp }[c.modulus];
		same(number(b.a) < ORDER, c.below);
		same(drawn(number(b.a), ORDER), c.in_range);
	},
	nonce: (b, c) => {
		const mac = createHmac('sha512', Buffer.concat([b.seed, b.secret]));
		mac.update(Buffer.concat([Buffer.from([c.purpose]), be16(c.suite), Buffer.from([1]), b.entropy,
			be32(c.counter), b.context]));
		same(bytes32(Fn.create(number(mac.digest().subarray(0, 48)))).toString('hex'), c.v);
	},
};

// file, array in it, kind, the fields that are bytes.
const SECTIONS = [
	['scalar', 'range', 'range', ['a']],
	['nonce', 'cases', 'nonce', ['seed', 'secret', 'entropy', 'context']],
	['points', 'decode', 'point', ['point']],
	['schnorr', 'cases', 'proof', ['proof', 'public', 'user_id', 'other_info']],
	['ecdsa', 'cases', 'signature', ['signature', 'public', 'digest']],
	['lists', 'lists', 'list', ['list']],
	['lists', 'configurations', 'configuration', ['configuration']],
	['lists', 'announcements', 'announcement', ['announcement', 'identity']],
	['lists', 'deltas', 'delta', ['delta', 'base']],
	['evidence', 'cases', 'evidence', ['evidence', 'list', 'configuration', 'manager_id', 'nonce']],
	['orders', 'cases', 'order', ['order', 'public', 'hsm_id']],
	['grants', 'digests', 'grant digest', ['body', 'digest', 'hsm_id']],
	['grants', 'uses', 'use', ['signature', 'digest', 'client']],
	['grants', 'receipts', 'receipt', ['receipt', 'identity', 'grant_digest', 'output']],
	['adversarial', 'scalars', 'scalar', ['scalar']],
	['adversarial', 'points', 'point', ['point']],
	['adversarial', 'names', 'name', ['public', 'element']],
	['adversarial', 'proofs', 'proof', ['proof', 'public', 'user_id', 'other_info']],
	['adversarial', 'signatures', 'signature', ['signature', 'public', 'digest']],
	['adversarial', 'lists', 'list', ['list']],
	['adversarial', 'configurations', 'configuration', ['configuration']],
	['adversarial', 'announcements', 'announcement', ['announcement', 'identity']],
	['adversarial', 'deltas', 'delta', ['delta', 'base']],
	['adversarial', 'evidence', 'evidence', ['evidence', 'list', 'configuration', 'manager_id', 'nonce']],
	['adversarial', 'orders', 'order', ['order', 'public', 'hsm_id']],
];

export function* cases(directory) {
	const files = {};
	for (const [file, array, kind, fields] of SECTIONS) {
		files[file] ??= JSON.parse(readFileSync(`${directory}/${file}.json`, 'ascii'));
		let at = 0;
		for (const c of files[file][array]) {
			// What all cases of orders.json share stands beside them.
			const bytes = Object.fromEntries(fields.map((f) => [f, orNull(c[f] ?? files[file][f] ?? null)]));
			yield { title: `${file}.json: ${array}: ${c.name ?? at}`, kind, fields, bytes, case: c,
				verdict: c.verdict ?? 'ok', reason: c.reason };
			at++;
		}
	}
}

// Anything but Refused is a verifier that fell over, which is a verdict too.
export function judge(c, bytes = c.bytes) {
	try {
		KINDS[c.kind](bytes, c.case);
		return { verdict: 'ok', reason: '' };
	} catch (error) {
		if (error instanceof Refused)
			return error;
		return { verdict: error instanceof Differs ? 'differs' : 'crash', reason: error.message };
	}
}
