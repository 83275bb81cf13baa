// SPDX-License-Identifier: GPL-2.0
//
// The arithmetic of tests/vectors once more, by @noble/curves: scalars, points,
// proofs of one key, signatures, and the seeds, coefficients and equation of the
// evidence. Written from Documentation/protocol.rst. Speaks TAP. Run by run.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [vectors, modules] = process.argv.slice(2);
const { p256 } = await import(
	pathToFileURL(createRequire(modules + '/').resolve('@noble/curves/nist.js')));
const Point = p256.Point;
const { Fp, Fn } = Point;
const G = Point.BASE;

let count = 0;
let failed = 0;

function result(good, name, why) {
	count++;
	failed += !good;
	console.log(`${good ? '' : 'not '}ok ${count} - ${name}`);
	if (!good)
		console.log(`# ${why}`);
}

const load = (name) => JSON.parse(readFileSync(`${vectors}/${name}.json`, 'ascii'));
const unhex = (text) => Buffer.from(text, 'hex');
const number = (bytes) => BigInt('0x' + (Buffer.from(bytes).toString('hex') || '0'));
const hash = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();
const be16 = (x) => Buffer.from([x >> 8, x & 255]);

function be32(x) {
	const out = Buffer.alloc(4);
	out.writeUInt32BE(x);
	return out;
}

const item = (bytes) => Buffer.concat([be32(bytes.length), bytes]);
const encode = (point) => Buffer.from(point.toBytes(false));
const bytes32 = (x) => unhex(x.toString(16).padStart(64, '0'));
// noble wants a scalar from 1 to n - 1.
const times = (point, k) => k === 0n ? Point.ZERO : point.multiplyUnsafe(k);

class Malformed extends Error {}

// One encoding only: noble would take compressed points too.
function decode(bytes) {
	if (bytes.length !== 65 || bytes[0] !== 4)
		throw new Malformed('not an uncompressed point');
	try {
		return Point.fromBytes(bytes);
	} catch (error) {
		throw new Malformed(error.message);
	}
}

function scalar(bytes) {
	const x = number(bytes);
	if (bytes.length !== 32 || x >= Fn.ORDER)
		throw new Malformed('not a scalar');
	return x;
}

function verdict(check) {
	try {
		return check() ? 'ok' : 'false';
	} catch (error) {
		if (error instanceof Malformed)
			return 'malformed';
		throw error;
	}
}

function scalars() {
	const file = load('scalar');
	const fields = { n: Fn, p: Fp };
	const operations = {
		add: (F, a, b) => F.add(a, b),
		sub: (F, a, b) => F.sub(a, b),
		mul: (F, a, b) => F.mul(a, b),
		neg: (F, a) => F.neg(a),
		inv: (F, a) => F.pow(a, F.ORDER - 2n),
		wide: (F, a) => F.create(a),
		hash: (F, a) => F.create(a),
	};
	const wrong = {};
	for (const c of file.cases) {
		const F = fields[c.modulus];
		const r = operations[c.op](F, number(unhex(c.a)), c.b && number(unhex(c.b)));
		const key = `${c.op} mod ${c.modulus}`;
		wrong[key] ??= [0, []];
		wrong[key][0]++;
		if (r !== number(unhex(c.r)))
			wrong[key][1].push(c.a);
	}
	for (const [key, [n, bad]] of Object.entries(wrong))
		result(!bad.length, `scalar.json: ${key}, ${n} cases`, `another result for ${bad}`);
}

function encodings(title, cases) {
	for (const c of cases) {
		const got = verdict(() => encode(decode(unhex(c.point))).toString('hex') === c.point);
		result(got === c.verdict, `${title}: ${c.name} is ${c.verdict}`, `noble says ${got}`);
	}
}

function points() {
	const file = load('points');
	encodings('points.json', file.decode);
	file.base.forEach((c, i) => {
		const got = encode(times(G, number(unhex(c.k)))).toString('hex');
		result(got === c.point, `points.json: k * G ${i}`, got);
	});
	file.mul2.forEach((c, i) => {
		const r = times(G, number(unhex(c.u1))).add(
			times(decode(unhex(c.a)), number(unhex(c.u2))));
		const got = r.is0() ? null : encode(r).toString('hex');
		result(got === c.r, `points.json: u1 * G + u2 * A ${i}`, got);
	});
}

function challenge(V, A, user, other) {
	const items = [encode(G), V, A, user].concat(other === null ? [] : [other]);
	return Fn.create(number(hash(...items.map(item))));
}

function proofs(title, cases) {
	for (const c of cases) {
		const [A, user, proof] = [c.public, c.user_id, c.proof].map(unhex);
		const other = c.other_info === null ? null : unhex(c.other_info);
		const got = verdict(() => {
			if (proof.length !== 97)
				throw new Malformed('not 97 bytes');
			const [a, V] = [decode(A), decode(proof.subarray(0, 65))];
			const r = scalar(proof.subarray(65));
			return V.equals(times(G, r).add(times(a, challenge(encode(V), A, user, other))));
		});
		result(got === c.verdict, `${title}: ${c.name} is ${c.verdict}`, `noble says ${got}`);
		if (!c.secret)
			continue;
		const [a, v] = [c.secret, c.nonce].map((x) => number(unhex(x)));
		const V = encode(times(G, v));
		const r = Fn.sub(v, Fn.mul(a, challenge(V, encode(times(G, a)), user, other)));
		const made = Buffer.concat([V, bytes32(r)]).toString('hex');
		result(made === c.proof && encode(times(G, a)).equals(A),
			`${title}: ${c.name} is made again`, made);
	}
}

function signatures(title, cases) {
	for (const c of cases) {
		const [A, digest, signature] = [c.public, c.digest, c.signature].map(unhex);
		const got = verdict(() => {
			if (signature.length !== 64)
				throw new Malformed('not 64 bytes');
			const rs = [signature.subarray(0, 32), signature.subarray(32)].map(scalar);
			if (rs.includes(0n))
				throw new Malformed('zero');
			return p256.verify(signature, digest, decode(A).toBytes(), { prehash: false, lowS: false });
		});
		result(got === c.verdict, `${title}: ${c.name} is ${c.verdict}`, `noble says ${got}`);
	}
}

// Elements of L whose secrets evidence has to know; the forms are not checked here.
function proved(list) {
	const all = [];
	let at = 12;
	for (let n = list.readUInt32BE(8); n; n--) {
		at += 1 + list[at] + 2 + 1 + 4 + 4 + 8;
		const state = list[at];
		all.push({ state, point: list.subarray(at + 3, at + 68) });
		at += 68;
	}
	if (at !== list.length)
		throw new Error('the list has another length');
	return all;
}

const COMPROMISED = 5;

// Statement and proof apart, and what both sides derive from them.
function batch(evidence, list) {
	const S = evidence.subarray(0, -97);
	const [V, r] = [evidence.subarray(-97, -32), evidence.subarray(-32)];
	const [hsm, D] = [S.subarray(8, 40), S.subarray(40, 105)];
	const seed = hash(...[Buffer.from('zkhsm batch v1'), encode(G), V, D, hsm, S].map(item));
	const elements = [D, ...proved(list).filter((e) => e.state !== COMPROMISED).map((e) => e.point)];
	const c = elements.map((_, i) => number(hash(Buffer.from('zkhsm batch coefficient'), seed,
		be16(1), be32(i)).subarray(0, 16)));
	return { S, V, r, elements, c };
}

function equation(evidence, list) {
	const { V, r, elements, c } = batch(evidence, list);
	const sum = elements.reduce((s, A, i) => s.add(times(decode(A), c[i])), times(G, scalar(r)));
	return decode(V).equals(sum);
}

// The first thing that is not so in well-formed evidence, or null.
function falsehood(c) {
	const [bytes, list] = [unhex(c.evidence), unhex(c.list)];
	// From its end: list digest and count, configuration digest, group and suite.
	const end = bytes.subarray(-97 - 3 - 32 - 4 - 32, -97);
	const challenges = [];
	for (let n = bytes[173], at = 174; n; n--, at += 104)
		challenges.push(bytes.subarray(at, at + 64).toString('hex'));
	if (!hash(bytes.subarray(40, 105)).equals(bytes.subarray(8, 40)))
		return 'hsm_id is not of this identity';
	if (c.nonce && !challenges.includes(c.manager_id + c.nonce))
		return 'the nonce is not answered';
	if (!hash(list).equals(end.subarray(0, 32)))
		return 'another list';
	if (end.readUInt32BE(32) !== list.readUInt32BE(8))
		return 'another count';
	if (c.configuration && !hash(unhex(c.configuration)).equals(end.subarray(36, 68)))
		return 'another configuration';
	return verdict(() => equation(bytes, list)) === 'ok' ? null : 'the equation does not hold';
}

function evidence() {
	const file = load('evidence');
	for (const c of file.cases.filter((x) => x.verdict === 'ok')) {
		const [bytes, list] = [unhex(c.evidence), unhex(c.list)];
		result(verdict(() => equation(bytes, list)) === 'ok',
			`evidence.json: ${c.name}: the equation holds`, 'it does not');
		// One bit in S twice, and in r.
		for (const [what, at] of [['number', 113], ['configuration digest', bytes.length - 104],
			['r', bytes.length - 1]]) {
			const bad = Buffer.from(bytes);
			bad[at] ^= 1;
			result(verdict(() => equation(bad, list)) === 'false',
				`evidence.json: ${c.name}: not with another ${what}`, 'it is not false');
		}
	}
	falsehoods('evidence.json', file.cases);
	again(file);
}

function falsehoods(title, cases) {
	for (const c of cases.filter((x) => x.verdict !== 'malformed')) {
		const why = falsehood(c);
		result(!why === (c.verdict === 'ok'), `${title}: ${c.name} is ${c.verdict}`,
			why ?? 'noble finds it true');
	}
}

// Evidence made from the secrets, byte for byte.
function again(file) {
	const c = file.cases.find((x) => x.name === 'six-keys');
	const [bytes, list] = [unhex(c.evidence), unhex(c.list)];
	const { identity, nonce, secrets } = file.prover;
	const entries = proved(list);
	const known = secrets.filter((_, i) => entries[i].state !== COMPROMISED);
	const a = [identity, ...known].map((x) => number(unhex(x)));
	const { S, elements, c: coefficients } = batch(bytes, list);
	const v = number(unhex(nonce));
	const r = a.reduce((s, x, i) => Fn.sub(s, Fn.mul(x, coefficients[i])), v);
	const made = Buffer.concat([S, encode(times(G, v)), bytes32(r)]);
	result(a.length === elements.length && a.every((x, i) => encode(times(G, x)).equals(elements[i])),
		'evidence.json: six-keys: the secrets are those of the elements', 'they are not');
	result(made.equals(bytes), 'evidence.json: six-keys is made again', made.toString('hex'));
}

// What somebody would send who wants a wrong answer, as far as it is arithmetic.
function adversarial() {
	const file = load('adversarial');
	const title = (section) => `adversarial.json: ${section}`;
	const about = (section, ...reasons) => file[section].filter((c) => reasons.includes(c.reason));

	for (const c of file.scalars) {
		const got = verdict(() => scalar(unhex(c.scalar)) < Fn.ORDER);
		result(got === c.verdict, `${title('scalars')}: ${c.name} is ${c.verdict}`, got);
	}
	encodings(title('points'), file.points);
	for (const c of file.sums) {
		const r = c.terms.reduce((s, [k, A]) => s.add(times(decode(unhex(A)), scalar(unhex(k)))),
			Point.ZERO);
		const got = r.is0() ? null : encode(r).toString('hex');
		result(got === c.r, `${title('sums')}: ${c.name}`, got);
	}
	for (const c of file.names) {
		const got = hash(be16(1), bytes32(decode(unhex(c.public)).x)).toString('hex');
		result(got === c.element, `${title('names')}: ${c.name}`, got);
	}
	// The length of UserID is no arithmetic.
	proofs(title('proofs'), file.proofs.filter((c) => c.reason !== 'user-id'));
	signatures(title('signatures'), file.signatures);
	falsehoods(title('evidence'), file.evidence);
	for (const c of about('evidence', 'commitment', 'response', 'identity')) {
		const got = verdict(() => equation(unhex(c.evidence), unhex(c.list)));
		result(got === 'malformed', `${title('evidence')}: ${c.name} is malformed`, got);
	}
	proofs(title('announcements'), about('announcements', '', 'equation', 'commitment', 'response',
		'key').map((c) => ({
		...c,
		public: c.identity,
		user_id: hash(unhex(c.identity)).toString('hex'),
		other_info: c.announcement.slice(0, 96),
		proof: c.announcement.slice(96),
	})));
	signatures(title('orders'), about('orders', '', 'signature', 'signature-range').map((c) => ({
		...c,
		digest: hash(unhex(c.order.slice(0, -128))).toString('hex'),
		signature: c.order.slice(-128),
	})));
}

console.log('TAP version 13');
scalars();
points();
proofs('schnorr.json', load('schnorr').cases);
signatures('ecdsa.json', load('ecdsa').cases);
evidence();
adversarial();
console.log(`1..${count}`);
process.exit(failed ? 1 : 0);
