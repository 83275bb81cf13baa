// SPDX-License-Identifier: GPL-2.0
//
// The forms of statement, announcement, list, configuration and list difference.

import { H, Reader, be32, decode, form, truth } from './bytes.mjs';

const STATEMENT = 1;
const ANNOUNCEMENT = 2;
const LIST = 3;
const CONFIGURATION = 4;
const DIFFERENCE = 5;

const KEYS_MAX = 100000;
const MANAGERS_MAX = 16;
export const COMPROMISED = 5;
export const PROOF = 97;
const ZERO32 = Buffer.alloc(32);

// Lists and differences have their entries in common, and so these checks.
const entryForm = (reader, good, check) => form(good, reader.reason, check);

function readId(reader) {
	const id = reader.take(reader.u8());
	entryForm(reader, id.length >= 1 && id.length <= 64, 'ids have 1 to 64 bytes');
	const text = id.toString('latin1');
	entryForm(reader, /^[A-Za-z0-9._@-]*$/.test(text) && !text.includes('\n'), 'ids have their characters');
	entryForm(reader, /^([A-Za-z0-9]|$)/.test(text), 'ids begin with a letter or digit');
	return id;
}

function readEntry(reader) {
	const start = reader.at;
	const id = readId(reader);
	entryForm(reader, reader.u16() === 1, 'keys are EC P-256');
	const origin = reader.u8();
	entryForm(reader, origin >= 1 && origin <= 3, 'origins are known');
	entryForm(reader, reader.u32() <= 3, 'usages are known');
	entryForm(reader, reader.u32() <= 7, 'flags are known');
	reader.u64();
	const state = reader.u8();
	entryForm(reader, state >= 1 && state <= 5, 'states are known');
	entryForm(reader, reader.u16() === 65, 'elements have 65 bytes');
	const element = reader.take(65);
	entryForm(reader, element[0] === 4, 'elements begin with 04');
	return { id, state, element, bytes: reader.bytes.subarray(start, reader.at) };
}

// The entries with the form of their elements only.
export function readEntries(bytes) {
	const reader = new Reader(bytes, 'list-form');
	reader.header([LIST]);
	const count = reader.u32();
	reader.form(count <= KEYS_MAX, 'has at most 100000 entries');
	const entries = [];
	for (let i = 0, before = null; i < count; i++) {
		const entry = readEntry(reader);
		reader.ascending(before, entry.id, 'id');
		before = entry.id;
		entries.push(entry);
	}
	reader.end();
	return entries;
}

export function readList(bytes) {
	const entries = readEntries(bytes);
	for (const entry of entries)
		entry.point = decode(entry.element, 'element');
	return entries;
}

// The form alone, whatever it is part of: the managers as they stand, points or not.
export function readManagers(bytes, reason) {
	const reader = new Reader(bytes, reason);
	reader.header([CONFIGURATION]);
	const flags = reader.u32();
	reader.form(flags <= 31, 'flags are known');
	reader.form([0, 2, 4, 8].includes(flags & 14), 'one class of KEK at most');
	reader.form(!(flags & 16) || (flags & 14), 'a counter is of what is sealed');
	reader.form(reader.u8() >= 1, 'quorum is 1 or more');
	reader.form(reader.u8() >= 1, 'stop is 1 or more');
	reader.form(reader.u8() >= 1, 'wipe is 1 or more');
	reader.u64();
	reader.u64();
	const count = reader.u8();
	reader.form(count <= MANAGERS_MAX, 'has at most 16 managers');
	const keys = [];
	for (let i = 0, before = null; i < count; i++) {
		const key = reader.take(65);
		reader.form(key[0] === 4, 'managers begin with 04');
		reader.ascending(before, key, 'manager');
		before = key;
		keys.push(key);
	}
	reader.end();
	return keys;
}

export function readConfiguration(bytes) {
	const keys = readManagers(bytes, 'configuration-form');
	keys.forEach((key) => decode(key, 'manager-key'));
	return keys;
}

// A statement from the front of evidence, up to where the proof begins.
export function readStatement(bytes) {
	const reader = new Reader(bytes, 'evidence-form');
	reader.header([STATEMENT]);
	const hsm = reader.take(32);
	const identity = reader.take(65);
	for (let i = 0; i < 3; i++)
		reader.u32();
	reader.take(16);
	reader.u64();
	reader.take(32);
	const challenges = readChallenges(reader);
	reader.take(32);
	reader.u32();
	const listDigest = reader.take(32);
	const listCount = reader.u32();
	reader.form(listCount <= KEYS_MAX, 'speaks of at most 100000 entries');
	const configurationDigest = reader.take(32);
	reader.form(reader.u8() === 1, 'has one group');
	reader.form(reader.u16() === 1, 'has suite 1');
	return { bytes: bytes.subarray(0, reader.at), hsm, identity, challenges, listDigest, listCount,
		configurationDigest };
}

function readChallenges(reader) {
	const challenges = [];
	const count = reader.u8();
	reader.form(count >= 1, 'has a challenge');
	reader.form(count <= MANAGERS_MAX, 'has at most 16 challenges');
	for (let i = 0, before = null; i < count; i++) {
		const manager = reader.take(32);
		const nonce = reader.take(32);
		const last = reader.u64();
		const digest = reader.take(32);
		reader.form(last !== 0n || digest.equals(ZERO32), 'no digest of no order');
		reader.ascending(before, manager, 'challenge');
		before = manager;
		challenges.push({ manager, nonce });
	}
	return challenges;
}

// The 48 bytes that are signed and the proof behind them.
export function readAnnouncement(bytes) {
	const reader = new Reader(bytes, 'announcement-form');
	reader.header([ANNOUNCEMENT]);
	const listDigest = reader.take(32);
	const listLength = reader.u32();
	const listCount = reader.u32();
	reader.form(listCount <= KEYS_MAX, 'speaks of at most 100000 entries');
	const body = bytes.subarray(0, reader.at);
	const proof = reader.take(PROOF);
	reader.end();
	return { body, proof, listDigest, listLength, listCount };
}

function readDifference(bytes) {
	const reader = new Reader(bytes, 'delta-form');
	reader.header([DIFFERENCE]);
	const baseDigest = reader.take(32);
	const newDigest = reader.take(32);
	const removed = [];
	for (let left = reader.u32(), before = null; left; left--) {
		const id = readId(reader);
		reader.ascending(before, id, 'removed id');
		removed.push(before = id);
	}
	const changed = [];
	for (let left = reader.u32(), before = null; left; left--) {
		const entry = readEntry(reader);
		reader.ascending(before, entry.id, 'changed id');
		before = entry.id;
		changed.push(entry);
	}
	reader.end();
	return { baseDigest, newDigest, removed, changed };
}

// The list that results. Its elements are not decoded.
export function apply(base, bytes) {
	const { baseDigest, newDigest, removed, changed } = readDifference(bytes);
	truth(H(base).equals(baseDigest), 'delta-base', 'the difference is to our list');
	const entries = new Map(readEntries(base).map((e) => [e.id.toString(), e.bytes]));
	const gone = new Set(removed.map(String));
	for (const { id, bytes: entry } of changed) {
		form(!gone.has(id.toString()), 'delta-fit', 'an id is removed or changed, not both');
		const before = entries.get(id.toString());
		form(!before?.equals(entry), 'delta-fit', 'a changed entry differs');
		entries.set(id.toString(), entry);
	}
	for (const id of gone)
		form(entries.delete(id), 'delta-fit', 'a removed id is there');
	const sorted = [...entries].map(([id, entry]) => [Buffer.from(id), entry])
		.sort(([a], [b]) => Buffer.compare(a, b));
	const list = Buffer.concat([base.subarray(0, 8), be32(sorted.length),
		...sorted.map(([, entry]) => entry)]);
	truth(H(list).equals(newDigest), 'delta-result', 'the list wanted results');
	return list;
}
