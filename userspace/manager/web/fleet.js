// SPDX-License-Identifier: GPL-2.0
//
// The fleet as its manager sees it now. It reads what "zkhsm manager" reads, with
// the certificate of whoever looks, and changes nothing.
//
// Whatever comes from the server becomes text, never markup.
"use strict";

const REFRESH_MS = 10000;
const PAGE = 200;

// --- what is shown, made from parts -------------------------------------------

function node(tag, attributes = {}, ...children) {
	const made = document.createElement(tag);

	for (const [name, value] of Object.entries(attributes))
		made.setAttribute(name, value);
	made.append(...children);
	return made;
}

function state(name) {
	return node("span", { class: "state " + String(name).replace(/[^a-z-]/g, "") }, String(name));
}

function link(href, text) {
	return node("a", { href }, text);
}

function table(columns, rows) {
	const cell = (tag, column, content) =>
		node(tag, column.number ? { class: "number" } : {}, content);

	return node("div", { class: "scroll" }, node("table", {},
		node("thead", {}, node("tr", {}, ...columns.map(c => cell("th", c, c.title)))),
		node("tbody", {}, ...rows.map(row =>
			node("tr", {}, ...columns.map(c => cell("td", c, c.of(row))))))));
}

// "3 min", "2 h 5 min": as zkhsm(1) says it.
function span(ms) {
	if (ms === null || ms === undefined)
		return "never";
	const s = Math.max(0, Math.round(ms / 1000));

	if (s < 60)
		return `${s} s`;
	if (s < 3600)
		return `${Math.floor(s / 60)} min`;
	if (s < 86400)
		return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
	return `${Math.floor(s / 86400)} d ${Math.floor(s % 86400 / 3600)} h`;
}

function time(ms) {
	const when = new Date(ms);

	return node("time", { datetime: when.toISOString() },
		    when.toISOString().replace("T", " ").slice(0, 19) + "Z");
}

const short = hex => node("span", { class: "mono", title: hex }, hex.slice(0, 16));

// --- what the manager says -----------------------------------------------------

async function ask(path) {
	const answer = await fetch(path, { headers: { Accept: "application/json" },
					   cache: "no-store" });
	const body = await answer.json();

	if (!answer.ok)
		throw new Error(body.detail || body.title || `status ${answer.status}`);
	return body;
}

function summary(s, alerts) {
	const box = (title, count, keys, kind) =>
		node("div", {}, node("b", { class: kind }, String(count)), title,
		     node("small", {}, keys));
	const keys = n => `${n} ${n === 1 ? "key" : "keys"}`;
	const of = name => s.states[name] || { hsms: 0, keys: 0 };
	const boxes = [
		box("fresh", of("attested").hsms - s.due.hsms,
		    keys(of("attested").keys - s.due.keys), "good"),
		box("due", s.due.hsms, keys(s.due.keys), s.due.hsms ? "late" : ""),
	];

	for (const name of ["stale", "quarantined", "revoked", "pending"])
		boxes.push(box(name, of(name).hsms, keys(of(name).keys),
			       of(name).hsms && name !== "pending" ? "bad" : ""));
	boxes.push(box("on hold", s.held, "in force", s.held ? "late" : ""),
		   box("revocations", s.revoked, `list ${s.revocation_list}`, ""),
		   box("alerts", alerts, "open", alerts ? "bad" : ""));
	return boxes;
}

const alertColumns = [
	{ title: "alert", of: a => node("code", {}, a.code) },
	{ title: "state", of: a => state(a.state) },
	{ title: "HSM", of: a => a.hsm_id ? link("#/hsm/" + a.hsm_id, a.name || a.hsm_id.slice(0, 16)) : "" },
	{ title: "what", of: a => a.text },
	{ title: "times", number: true, of: a => String(a.count) },
	{ title: "last", of: a => time(a.last_ms) },
];

// --- the views -----------------------------------------------------------------

async function fleetView(alerts) {
	const { hsms } = await ask("/v1/admin/hsms");
	const view = [node("h2", {}, "HSMs"), table([
		{ title: "name", of: h => link("#/hsm/" + h.hsm_id, h.name) },
		{ title: "state", of: h => state(h.state) },
		{ title: "attested", of: h => h.age_ms === null ? "never" : span(h.age_ms) + " ago" },
		{ title: "keys", number: true, of: h => String(h.keys ?? "") },
		{ title: "cluster", of: h => h.cluster || "" },
		{ title: "locked", of: h => h.locked === null ? "" : h.locked ? "yes" : "no" },
		{ title: "sealed under", of: h => h.kek || "" },
		{ title: "id", of: h => short(h.hsm_id) },
	], hsms)];

	view.push(node("h2", {}, "Alerts"), alerts.length ? table(alertColumns, alerts) :
		  node("p", {}, "No alert is open."));
	return view;
}

const keyColumns = hsm => [
	{ title: "key", of: k => link(`#/hsm/${hsm}/key/${encodeURIComponent(k.key_id)}`, k.key_id) },
	{ title: "state", of: k => state(k.status) },
	{ title: "attested", of: k => k.age_ms === null ? "never" : span(k.age_ms) + " ago" },
	{ title: "reason", of: k => k.reason || k.rule || "" },
	{ title: "origin", of: k => k.origin },
	{ title: "usage", of: k => k.usage.join(", ") },
	{ title: "flags", of: k => k.flags.join(", ") },
	{ title: "element", of: k => short(k.element) },
];

async function hsmView(id, alerts) {
	const page = await ask(`/v1/admin/hsms/${id}/keys?limit=${PAGE}`);
	const view = [node("h2", {}, page.name + " ", state(page.state)),
		      node("p", { class: "mono" }, id), table(keyColumns(id), page.keys)];
	const own = alerts.filter(a => a.hsm_id === id);

	if (page.more)
		view.push(node("p", {}, `The first ${PAGE} keys; "zkhsm manager keys" lists all.`));
	if (own.length)
		view.push(node("h2", {}, "Alerts"), table(alertColumns, own));
	return view;
}

async function keyView(id, key) {
	const path = `/hsms/${id}/keys/${encodeURIComponent(key)}`;
	const [now, past] = await Promise.all([ask("/v1" + path), ask(`/v1/admin${path}/history`)]);
	const timeline = node("ol", { class: "timeline" });
	const line = (ms, event, detail) =>
		timeline.append(node("li", {}, time(ms), node("b", {}, event), " ", detail));
	const others = (past.holders || []).filter(h => h.hsm_id !== id);

	if (past.held_since_ms)
		line(past.held_since_ms, "first attested", "on this HSM");
	for (const h of past.history)
		line(h.at_ms, h.event, h.detail || "");
	return [node("h2", {}, key + " ", state(now.status)),
		node("p", {}, "on ", link("#/hsm/" + id, id.slice(0, 16)), ", attested ",
		     now.age_ms === null ? "never" : span(now.age_ms) + " ago",
		     now.reason ? `, ${now.reason}` : ""),
		node("p", { class: "mono" }, "element " + now.element),
		others.length ? node("p", { class: "late" }, "also proved by ", ...others.flatMap(h =>
			[link("#/hsm/" + h.hsm_id, h.name || h.hsm_id.slice(0, 16)), " "])) : "",
		node("h2", {}, "Timeline"), timeline];
}

function view(alerts) {
	const [, hsm, , key] = /^#\/hsm\/([0-9a-f]{64})(\/key\/(.+))?$/.exec(location.hash) || [];

	if (key)
		return keyView(hsm, decodeURIComponent(key));
	return hsm ? hsmView(hsm, alerts) : fleetView(alerts);
}

let shown = "";

async function refresh() {
	const fresh = document.getElementById("fresh");

	try {
		const [s, { alerts }] = await Promise.all([ask("/v1/admin/summary"),
							   ask("/v1/admin/alerts?state=open")]);
		const content = await view(alerts);

		document.getElementById("manager").textContent =
			`manager ${s.manager_id.slice(0, 16)}`;
		document.getElementById("summary").replaceChildren(...summary(s, alerts.length));
		document.getElementById("view").replaceChildren(...content);
		fresh.className = "";
		fresh.textContent = `as of ${new Date(s.now_ms).toISOString().slice(11, 19)}Z`;
		shown = location.hash;
		document.body.dataset.ready = "yes";
	} catch (error) {
		// What is on the page stays, and is said to be old; another page's would be wrong.
		if (shown !== location.hash)
			document.getElementById("view").replaceChildren();
		fresh.className = "bad";
		fresh.textContent = `not up to date: ${error.message}`;
		document.body.dataset.ready = "failed";
	}
}

window.addEventListener("hashchange", refresh);
setInterval(refresh, REFRESH_MS);
refresh();
