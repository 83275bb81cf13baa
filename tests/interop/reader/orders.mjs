// SPDX-License-Identifier: GPL-2.0
//
// Orders, the signatures of keys that they share their form with, and receipts.

import { Fn, G, H, Reader, be16, decode, form, number, support, times, truth } from './bytes.mjs';
import { readManagers } from './messages.mjs';
import { proofOfKey } from './proofs.mjs';

const LEASE = 16;
const GRANT = 20;
const KEPT = [22];
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

const blank = (bytes) => bytes.every((byte) => byte === 0);

function readGrant(reader) {
	reader.take(16);
	reader.take(32);
	const operation = reader.u8();
	reader.form([1, 2].includes(operation), 'a grant is to sign or to prove');
	reader.form(reader.u16() === operation, 'an operation has its own algorithm');
	reader.form(reader.u32() === 0, 'a grant has no parameter');
	reader.take(32);
	const client = reader.take(65);
	if (!blank(client))
		decode(client, 'order-form');
	reader.form(!blank(reader.take(16)), 'a jti is not zero');
	reader.form(reader.u64() >= 1n, 'a grant has an end');
}

const BODIES = new Map([[LEASE, readLease], [17, readVote], [18, readVote], [19, readVote],
	[GRANT, readGrant], [21, readTrustChange]]);

// As the HSM hsm gets it from the manager with this public key.
export function order(bytes, hsm, key) {
	const reader = new Reader(bytes, 'order-form');
	const type = reader.header([...BODIES.keys(), ...KEPT]);
	const manager = reader.take(32);
	const addressee = reader.take(32);
	const count = reader.u64();
	support(BODIES.has(type), 'order-type', 'the type has a body');
	const numbered = type !== LEASE && type !== GRANT;
	reader.form(!numbered || count >= 1n, 'the number is 1 or more');
	reader.form(numbered || count === 0n, 'a lease and a grant have no number');
	(BODIES.get(type) ?? readVote)(reader);
	const signed = bytes.subarray(0, reader.at);
	const halves = readSignature(reader.take(SIGNATURE));
	reader.end();
	truth(addressee.equals(hsm), 'order-hsm', 'the order is for this HSM');
	truth(H(key).equals(manager), 'order-manager', 'the order is of this manager');
	truth(holds(halves, H(signed), decode(key, 'key')), 'signature', 'the order is signed');
}

// The identity's word on what it gave for a grant.
export function receipt(bytes, identity, digest, output) {
	const reader = new Reader(bytes, 'receipt-form');
	reader.header([36]);
	const [named, given] = [reader.take(32), reader.take(32)];
	const message = bytes.subarray(0, reader.at);
	const proof = reader.take(97);
	reader.end();
	proofOfKey(identity, H(identity), message, proof);
	truth(named.equals(digest), 'receipt-grant', 'the receipt is for this grant');
	truth(given.equals(H(output)), 'receipt-output', 'the receipt is for this answer');
}

export const grantDigest = (hsm, body) => H(Buffer.from('zkhsm grant v1'), hsm, body);

export const grantUse = (bytes, digest, client) =>
	signature(bytes, H(Buffer.from('zkhsm grant use v1'), digest), client);
