/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the store*.c files share: a redo log over a directory.
 *
 *	head, kek.tpm, records/NAME	the state, one file each
 *	journal				the change that was made last, whole
 *	index				a hint: which sequence each record has
 *	lock				flock()ed by whoever has the store open
 *	tmp				what becomes one of the others by rename()
 *
 * A change is made by the rename() of its journal and the fsync() of the
 * directory. What it says is then done to the files ("redo"), which may be
 * repeated any number of times. Before the next journal takes its place, what
 * it says is durable in the files.
 */
#ifndef ZKHSM_STORE_PRIVATE_H
#define ZKHSM_STORE_PRIVATE_H

#include <dirent.h>
#include <sys/statvfs.h>

#include "lib_private.h"

/* "k-" and a key's id, or "v-" and an element name in hex. */
#define STORE_NAME_SIZE		(2 + 64 + 1)
#define STORE_JOURNAL_MAX	((size_t)1 << 30)

/* System calls that change or keep something, so that tests can let each one fail. */
struct zkhsm_store_os {
	int (*openat)(int dir, const char *name, int flags, mode_t mode);
	ssize_t (*write)(int fd, const void *data, size_t len);
	int (*fsync)(int fd);
	int (*syncfs)(int fd);
	int (*close)(int fd);
	int (*renameat)(int from_dir, const char *from, int to_dir, const char *to);
	int (*unlinkat)(int dir, const char *name, int flags);
	int (*fchown)(int fd, uid_t uid, gid_t gid);
	int (*fstatvfs)(int fd, struct statvfs *out);
};

/* The kernel's side, likewise. */
struct zkhsm_store_kernel {
	int (*hsm_get)(struct zkhsm_nl *nl, struct zkhsm_hsm_info *out, struct zkhsm_error *err);
	int (*seal)(struct zkhsm_nl *nl, const struct zkhsm_seal_request *request,
		    int (*fn)(const struct zkhsm_seal_item *item, void *arg), void *arg,
		    struct zkhsm_error *err);
	int (*commit)(struct zkhsm_nl *nl, uint64_t sequence, struct zkhsm_error *err);
	int (*unseal_begin)(struct zkhsm_nl *nl, const struct zkhsm_unseal_request *request,
			    struct zkhsm_error *err);
	int (*unseal_add)(struct zkhsm_nl *nl, const struct zkhsm_bytes *records, size_t count,
			  size_t *done, struct zkhsm_error *err);
	int (*unseal_finish)(struct zkhsm_nl *nl, struct zkhsm_unseal_result *out,
			     struct zkhsm_error *err);
};

/**
 * struct zkhsm_store - one that is open
 * @dir, @records, @lock: file descriptors
 * @chown: files made here get @uid and @gid: root works in another's directory
 */
struct zkhsm_store {
	char *path;
	int dir, records, lock;
	bool chown;
	uid_t uid;
	gid_t gid;
	const struct zkhsm_store_os *os;
	const struct zkhsm_store_kernel *kernel;
};

extern const struct zkhsm_store_os zkhsm_store_os;
extern const struct zkhsm_store_kernel zkhsm_store_kernel;

/* store_file.c: @dir is s->dir or s->records. */
/* "PATH/records/NAME" for people, cut if it does not fit. */
void zkhsm_store_where(const struct zkhsm_store *s, int dir, const char *name, char *out,
		       size_t size);
/* -ENOENT without a sentence when it is not there; otherwise as zkhsm_read_file(). */
int zkhsm_store_read(const struct zkhsm_store *s, int dir, const char *name, size_t max,
		     uint8_t **out, size_t *len, struct zkhsm_error *err);
/* By way of tmp. @durable: the bytes are on the disk before the rename(), which may not be. */
int zkhsm_store_replace(const struct zkhsm_store *s, int dir, const char *name, const void *data,
			size_t len, bool durable, struct zkhsm_error *err);
int zkhsm_store_append(const struct zkhsm_store *s, int dir, const char *name, const void *data,
		       size_t len, struct zkhsm_error *err);
/* Whether it is there with just these bytes: 1, 0 or an errno. */
int zkhsm_store_same(const struct zkhsm_store *s, int dir, const char *name, const void *data,
		     size_t len, struct zkhsm_error *err);
int zkhsm_store_remove(const struct zkhsm_store *s, int dir, const char *name,
		       struct zkhsm_error *err);
/* @name "." for the directory itself. Nothing to do when the file is not there. */
int zkhsm_store_keep(const struct zkhsm_store *s, int dir, const char *name,
		     struct zkhsm_error *err);
/* What records/ holds, ascending, without "." and ".."; caller frees with the next. */
int zkhsm_store_list(const struct zkhsm_store *s, struct dirent ***names, size_t *count,
		     struct zkhsm_error *err);
void zkhsm_store_list_free(struct dirent **names, size_t count);

/* One record, or one that is to go: then @data is NULL. */
struct store_record {
	char name[STORE_NAME_SIZE];
	uint8_t *data;
	size_t len;
};

/**
 * struct store_change - what one journal says
 * @full:	@records are all there are
 * @instance:	of the kernel that sealed it; zeros when nobody knows
 * @sequence:	of the head
 * @kek_blob:	NULL unless the KEK is the TPM's
 */
struct store_change {
	bool full;
	uint8_t instance[ZKHSM_INSTANCE_ID_LEN];
	uint64_t sequence;
	uint8_t *head, *kek_blob;
	size_t head_len, kek_blob_len;
	struct store_record *records;
	size_t count, size;
};

/* store_change.c */
bool zkhsm_store_name_valid(const char *name);
/* The name that a record's own header gives it. */
void zkhsm_store_name(const struct zkhsm_sealed *sealed, char out[STORE_NAME_SIZE]);
void zkhsm_store_change_free(struct store_change *c);
/* @data NULL: is to go. -ENOMEM. */
int zkhsm_store_change_add(struct store_change *c, const char *name, const uint8_t *data,
			   size_t len);
/* Ascending by name. -EINVAL if one is there twice. */
int zkhsm_store_change_sort(struct store_change *c);
/*
 * What is to go twice is to go once: keys of one id that came and went, each
 * given out, before anything of it was stored.
 */
void zkhsm_store_change_merge(struct store_change *c);
const struct store_record *zkhsm_store_change_find(const struct store_change *c, const char *name);
/* Everything in the clear fits: @where is the name of the file for people. */
int zkhsm_store_change_check(const struct store_change *c, const char *where,
			     struct zkhsm_error *err);
int zkhsm_store_head_check(const char *where, const uint8_t *data, size_t len,
			   struct zkhsm_sealed *out, struct zkhsm_error *err);
int zkhsm_store_record_check(const char *where, const char *name, const uint8_t *data, size_t len,
			     const struct zkhsm_sealed *head, struct zkhsm_error *err);

/* store_journal.c */
/* Terminated; caller frees. */
int zkhsm_store_change_encode(const struct store_change *c, char **out, size_t *len,
			      struct zkhsm_error *err);
int zkhsm_store_change_decode(const char *where, const uint8_t *data, size_t len,
			      struct store_change *out, struct zkhsm_error *err);
/* -ENOENT without a sentence when there is none. */
int zkhsm_store_journal_read(const struct zkhsm_store *s, struct store_change *out,
			     struct zkhsm_error *err);
/* Space is looked for first. When it returns 0, the change is made. */
int zkhsm_store_journal_write(const struct zkhsm_store *s, const struct store_change *c,
			      struct zkhsm_error *err);

/* store_redo.c: @durable: all of it is on the disk when this returns 0 */
int zkhsm_store_redo(const struct zkhsm_store *s, const struct store_change *c, bool durable,
		     struct zkhsm_error *err);
/* Of the journal that is there, which goes to @out if that is not NULL. -ENOENT: none is. */
int zkhsm_store_redo_journal(const struct zkhsm_store *s, bool durable, struct store_change *out,
			     struct zkhsm_error *err);

/* store_index.c: name -> sequence, as a JSON object; a hint, never believed */
json_t *zkhsm_store_index_read(const struct zkhsm_store *s);
int zkhsm_store_index_note(const struct zkhsm_store *s, const struct store_change *c,
			   struct zkhsm_error *err);

/* store_load.c */
/* The whole state as one full change, sorted; problems go to @fn, or end it when that is NULL. */
int zkhsm_store_load(struct zkhsm_store *s,
		     void (*fn)(const struct zkhsm_error *problem, void *arg), void *arg,
		     struct store_change *out, struct zkhsm_error *err);
/* What the index can say when the records are not those that the head counts. */
int zkhsm_store_blame(const struct zkhsm_store *s, const struct store_change *c,
		      const struct zkhsm_sealed *head,
		      void (*fn)(const struct zkhsm_error *problem, void *arg), void *arg,
		      struct zkhsm_error *err);
void zkhsm_store_summarise(const struct store_change *c, const struct zkhsm_sealed *head,
			   struct zkhsm_store_summary *out);

/* store_sync.c: @known: the files hold just what the kernel has committed */
int zkhsm_store_seal(struct zkhsm_store *s, struct zkhsm_nl *nl,
		     const struct zkhsm_seal_request *request, bool known,
		     struct zkhsm_stored *out, struct zkhsm_error *err);

#endif /* ZKHSM_STORE_PRIVATE_H */
