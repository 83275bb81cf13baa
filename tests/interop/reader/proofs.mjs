// SPDX-License-Identifier: GPL-2.0
//
// Proofs of one key, announcements, and evidence with its proof of all keys.

import { Fn, G, H, ZERO, be16, be32, decode, encode, form, item, mistakes, number, scalar, times,
	truth } from './bytes.mjs';
import { COMPROMISED, PROOF, readAnnouncement, readConfiguration, readList, readStatement }
	from './messages.mjs';

function readProof(bytes) {
	const V = bytes.subarray(0, 65);
	return { V, commitment: decode(V, 'commitment'), r: scalar(bytes.subarray(65), 'response') };
}

// key and proof are bytes; other is null where there is no OtherInfo.
export function proofOfKey(key, user, other, proof) {
	form(user.length >= 1 && user.length <= 255, 'user-id', 'UserID has 1 to 255 bytes');
	const A = decode(key, 'key');
	form(proof.length === PROOF, 'proof-form', 'the proof of one key has 97 bytes');
	const { V, commitment, r } = readProof(proof);
	const items = [encode(G), V, key, user];
	if (other !== null)
		items.push(other);
	if (mistakes.has('the challenge leaves out G'))
		items.shift();
	if (mistakes.has('the challenge always has OtherInfo') && other === null)
		items.push(Buffer.alloc(0));
	const parts = mistakes.has('the challenge leaves out lengths') ? items : items.map(item);
	const c = Fn.create(number(H(...parts)));
	truth(commitment.equals(times(G, r).add(times(A, c))), 'equation', 'the equation of one key');
}

export function announcement(bytes, identity) {
	const { body, proof } = readAnnouncement(bytes);
	proofOfKey(identity, H(identity), body, proof);
}

function coefficients(seed, count) {
	const length = mistakes.has('coefficients of 15 bytes') ? 15 : 16;
	const first = mistakes.has('coefficients from 1') ? 1 : 0;
	return Array.from({ length: count }, (_, i) =>
		number(H(Buffer.from('zkhsm batch coefficient'), seed, be16(1), be32(i + first))
			.subarray(0, length)));
}

function seedOf({ bytes: S, hsm, identity }, V) {
	const items = [Buffer.from('zkhsm batch v1'), encode(G), V, identity, hsm, S];
	if (mistakes.has('the seed leaves out the commitment'))
		items.splice(2, 1);
	if (mistakes.has('the seed leaves out the statement'))
		items.pop();
	return H(...items.map(item));
}

function equation(D, entries, S, V, commitment, r) {
	const proved = entries.filter(({ state }) =>
		state !== COMPROMISED || mistakes.has('compromised keys are proved'));
	const elements = [D, ...proved.map(({ point }) => point)];
	const c = coefficients(seedOf(S, V), elements.length);
	if (mistakes.has('a coefficient is skipped'))
		c[elements.length - 1] = 0n;
	if (mistakes.has('the identity is skipped'))
		c[0] = 0n;
	const sum = elements.reduce((s, A, i) => s.add(times(A, c[i])), ZERO);
	truth(commitment.equals(times(G, r).add(sum)), 'equation', 'the equation of all keys');
	return proved.map(({ id }) => id.toString());
}

// What this verifier has: the list, the configuration, its manager_id and the
// nonce that it gave. The ids that are proved.
export function evidence(bytes, { list, configuration, manager, nonce }) {
	const S = readStatement(bytes);
	const proof = bytes.subarray(S.bytes.length);
	form(proof.length === PROOF, 'evidence-form', 'evidence ends with one proof');
	const D = decode(S.identity, 'identity');
	const { V, commitment, r } = readProof(proof);
	truth(H(S.identity).equals(S.hsm), 'hsm-id', 'hsm_id is that of the identity');

	const own = S.challenges.find((challenge) => challenge.manager.equals(manager));
	truth(own, 'challenge', 'the own challenge is there');
	truth(own?.nonce.equals(nonce), 'nonce', 'the nonce is the one given');

	truth(H(list).equals(S.listDigest), 'list-digest', 'the list is the one stated');
	truth(H(configuration).equals(S.configurationDigest), 'configuration-digest',
		'the configuration is the one stated');
	const entries = readList(list);
	readConfiguration(configuration);
	truth(entries.length === S.listCount, 'list-count', 'the list has the count stated');
	return equation(D, entries, S, V, commitment, r);
}
