// SPDX-License-Identifier: GPL-2.0
//
// What all messages are made of: numbers, items, points, scalars, the header.

import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const { p256 } = await import(
	pathToFileURL(createRequire(process.env.NOBLE + '/').resolve('@noble/curves/nist.js')));
const Point = p256.Point;
export const { Fp, Fn } = Point;
export const G = Point.BASE;
export const ZERO = Point.ZERO;

export class Refused extends Error {
	constructor(verdict, reason, check) {
		super(`${verdict}: ${reason}: ${check}`);
		Object.assign(this, { verdict, reason, check });
	}
}

// Mistakes that the self-test makes on purpose: names of checks that are left
// out, and of steps that are done wrongly.
export const mistakes = new Set();

// Each check has a name, so that each can be left out once.
export const checks = new Set();

function need(verdict, good, reason, check) {
	checks.add(check);
	if (!good && !mistakes.has(check))
		throw new Refused(verdict, reason, check);
}

export const form = (good, reason, check) => need('malformed', good, reason, check);
export const truth = (good, reason, check) => need('false', good, reason, check);
export const support = (good, reason, check) => need('unsupported', good, reason, check);

export const unhex = (text) => Buffer.from(text, 'hex');
export const number = (bytes) => BigInt('0x' + (Buffer.from(bytes).toString('hex') || '0'));
export const bytes32 = (x) => unhex(x.toString(16).padStart(64, '0'));
export const H = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();

export function be16(x) {
	const out = Buffer.alloc(2);
	out.writeUInt16BE(x);
	return out;
}

export function be32(x) {
	const out = Buffer.alloc(4);
	out.writeUInt32BE(x);
	return out;
}

export const item = (bytes) => Buffer.concat([be32(bytes.length), bytes]);

export const encode = (point) => Buffer.from(point.toBytes(false));

// noble wants factors from 1 to n - 1; coefficients can be zero.
export function times(point, k) {
	const reduced = Fn.create(k);
	return reduced === 0n ? ZERO : point.multiplyUnsafe(reduced);
}

const B = Fp.create(number(encode(G).subarray(33)) ** 2n - number(encode(G).subarray(1, 33)) ** 3n +
	3n * number(encode(G).subarray(1, 33)));

// Not noble's decoder: it takes compressed points too, and which check refuses
// has to be known.
export function decode(bytes, reason) {
	form(bytes.length === 65, reason, 'points have 65 bytes');
	form(bytes[0] === 4, reason, 'points begin with 04');
	const [x, y] = [number(bytes.subarray(1, 33)), number(bytes.subarray(33))];
	form(x < Fp.ORDER && y < Fp.ORDER, reason, `${reason} has coordinates below p`);
	form(Fp.create(y * y) === Fp.create(x ** 3n - 3n * x + B), reason, `${reason} is on the curve`);
	return Point.fromAffine({ x: Fp.create(x), y: Fp.create(y) });
}

export function scalar(bytes, reason) {
	form(bytes.length === 32, reason, 'scalars have 32 bytes');
	const x = number(bytes);
	form(x < Fn.ORDER, reason, `${reason} is below n`);
	return x;
}

// Reads from the front; end() is for what must have nothing behind it.
export class Reader {
	constructor(bytes, reason) {
		this.bytes = bytes;
		this.reason = reason;
		this.at = 0;
	}

	form(good, check) {
		form(good, this.reason, `${this.reason}: ${check}`);
	}

	left() {
		return this.bytes.length - this.at;
	}

	take(length) {
		this.form(length <= this.left(), 'has all its bytes');
		this.at += length;
		// With the check left out a count of 2^32 - 1 would be read to the end.
		if (this.at > this.bytes.length + 1024)
			throw new Error('reads on behind the end');
		return this.bytes.subarray(this.at - length, this.at);
	}

	u8() {
		return Number(number(this.take(1)));
	}

	u16() {
		return Number(number(this.take(2)));
	}

	u32() {
		return Number(number(this.take(4)));
	}

	u64() {
		return number(this.take(8));
	}

	header(type) {
		this.form(this.take(5).equals(Buffer.from('ZKHSM')), 'begins with ZKHSM');
		const found = this.u8();
		this.form(type.includes(found), 'has its type');
		this.form(this.u16() === 1, 'has version 1');
		return found;
	}

	end() {
		this.form(this.left() <= 0, 'has nothing behind it');
	}

	// before is null for the first. What is sorted is compared as bytes.
	ascending(before, next, what) {
		const order = before === null ? -1 : Buffer.compare(before, next);
		this.form(order !== 0, `no ${what} twice`);
		this.form(order <= 0, `${what} ascending`);
	}
}
