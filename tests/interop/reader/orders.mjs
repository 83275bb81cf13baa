// SPDX-License-Identifier: GPL-2.0
//
// Orders, and the signatures of keys that they share their form with.

import { Fn, G, H, Reader, be16, decode, form, number, support, times, truth } from './bytes.mjs';
import { readManagers } from './messages.mjs';

const LEASE = 16;
const KEPT = [20, 22];
const SIGNATURE = 64;
const NAMES_MAX = 1024;
const REASONS = [0, 1, 2, 3, 4, 5, 6, 8, 9, 10];

export const nameOf = (point) => H(be16(1), point.subarray(1, 33));

function readSignature(bytes) {
	const [r, s] = [number(bytes.subarray(0, 32)), number(bytes.subarray(32))];
	form(r !== 0n && s !== 0n, 'signature-range', 'neither half of a signature is zero');
	form(r < Fn.ORDER, 'signature-range', 'r of a signature is below n');
	form(s < Fn.ORDER, 'signature-range', 's of a signature is below n');
	return { r, s };
}

// FIPS 186-5 section 6.4.2, not noble's verify: that one may want a low s.
function holds({ r, s }, digest, key) {
	const w = Fn.pow(s, Fn.ORDER - 2n);
	const point = times(G, number(digest) * w).add(times(key, r * w));
	return !point.is0() && Fn.create(point.toAffine().x) === r;
}

export function signature(bytes, digest, key) {
	const A = decode(key, 'key');
	form(bytes.length === SIGNATURE, 'signature-form', 'a signature has 64 bytes');
	const halves = readSignature(bytes);
	truth(holds(halves, digest, A), 'signature', 'the signature holds');
}

function readNames(reader) {
	const count = reader.u16();
	reader.form(count <= NAMES_MAX, 'names at most 1024 elements');
	for (let i = 0, before = null; i < count; i++) {
		const name = reader.take(32);
		reader.ascending(before, name, 'element');
		before = name;
	}
	return count;
}

function readVote(reader) {
	reader.form(REASONS.includes(reader.u8()), 'the reason is of RFC 5280');
	reader.form(readNames(reader) >= 1, 'names an element');
}

function readLease(reader) {
	reader.take(32);
	reader.u64();
	reader.form(reader.u64() >= 1n, 'a lease lives');
	reader.form([1, 2].includes(reader.u8()), 'a lease grants or denies');
	readNames(reader);
}

function readTrustChange(reader) {
	reader.take(32);
	readManagers(reader.take(reader.u16()), 'order-form');
}

const BODIES = new Map([[LEASE, readLease], [17, readVote], [18, readVote], [19, readVote],
	[21, readTrustChange]]);

// As the HSM hsm gets it from the manager with this public key.
export function order(bytes, hsm, key) {
	const reader = new Reader(bytes, 'order-form');
	const type = reader.header([...BODIES.keys(), ...KEPT]);
	const manager = reader.take(32);
	const addressee = reader.take(32);
	const count = reader.u64();
	support(BODIES.has(type), 'order-type', 'the type has a body');
	reader.form(type === LEASE || count >= 1n, 'the number is 1 or more');
	reader.form(type !== LEASE || count === 0n, 'a lease has no number');
	(BODIES.get(type) ?? readVote)(reader);
	const signed = bytes.subarray(0, reader.at);
	const halves = readSignature(reader.take(SIGNATURE));
	reader.end();
	truth(addressee.equals(hsm), 'order-hsm', 'the order is for this HSM');
	truth(H(key).equals(manager), 'order-manager', 'the order is of this manager');
	truth(holds(halves, H(signed), decode(key, 'key')), 'signature', 'the order is signed');
}
