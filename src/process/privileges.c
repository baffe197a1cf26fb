/* SPDX-License-Identifier: Apache-2.0 */
/*
 * privileges.c - dropping privileges permanently, and proving it. Sources: credentials(7),
 * capabilities(7).
 */
#include "mimo/privileges.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <linux/securebits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mimo/cleanup.h"

static void cleanup_cap_function(cap_t *caps)
{
    if (*caps)
        cap_free(*caps);
}

#define cleanup_cap __attribute__((cleanup(cleanup_cap_function)))

/* With these bits root has no privileges of its own, a change of user drops capabilities, ambient
 * capabilities are off, and none of that can be changed again. The parent process may already have
 * set and locked some of them. */
enum {
    SECUREBITS_ON = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED |
                    SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
                    SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED,
    SECUREBITS_OFF = SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP,
};

static int set_securebits(int on, int off)
{
    int bits = prctl(PR_GET_SECUREBITS);

    return bits < 0 ? -1 : prctl(PR_SET_SECUREBITS, (unsigned long)((bits | on) & ~off), 0, 0, 0);
}

/* Reads an id and moves *text behind it. (uid_t)-1 means "leave as it is" to the system calls. */
static bool read_id(const char **text, unsigned *ret_id)
{
    unsigned long number = 0;
    const char *rest = *text;

    while (isdigit((unsigned char)*rest) && number < UINT32_MAX)
        number = number * 10 + (unsigned long)(*rest++ - '0');
    if (rest == *text || number >= UINT32_MAX)
        return false;
    *text = rest;
    *ret_id = (unsigned)number;
    return true;
}

static bool read_numbers(const char *text, struct identity *ret_identity)
{
    unsigned uid, gid;

    if (!read_id(&text, &uid))
        return false;
    gid = uid;
    if (*text == ':') {
        text++;
        if (!read_id(&text, &gid))
            return false;
    }
    if (*text != '\0')
        return false;
    *ret_identity = (struct identity){.uid = uid, .gid = gid};
    return true;
}

int privileges_find_user(const char *name, struct identity *ret_identity, struct error *error)
{
    cleanup_free char *buffer = NULL;
    struct passwd entry, *found = NULL;
    size_t size = 16 * 1024;
    int result;

    if (isdigit((unsigned char)*name)) {
        if (!read_numbers(name, ret_identity))
            return error_set(error, ERROR_INVALID,
                             "user \"%.64s\" is neither a name, UID nor UID:GID", name);
        return 0;
    }
    do {
        free(buffer);
        buffer = malloc(size);
        if (!buffer)
            return error_set_system(error, ENOMEM, "cannot look up user \"%.64s\"", name);
        result = getpwnam_r(name, &entry, buffer, size, &found);
        size *= 2;
    } while (result == ERANGE && size <= 1024 * 1024);
    if (result != 0)
        return error_set_system(error, result, "cannot look up user \"%.64s\"", name);
    if (!found)
        return error_set(error, ERROR_NOT_FOUND,
                         "there is no user \"%.64s\": create it, or configure a UID or UID:GID",
                         name);
    *ret_identity = (struct identity){.uid = entry.pw_uid, .gid = entry.pw_gid};
    return 0;
}

int privileges_check_user(const char *key, const char *name, struct error *error)
{
    struct identity identity;

    if (privileges_can_change() && privileges_find_user(name, &identity, error) < 0)
        return error_prefix(error, "%s", key);
    return 0;
}

static bool has_capability(cap_t caps, cap_flag_t set, int capability)
{
    cap_flag_value_t value = CAP_CLEAR;

    return cap_get_flag(caps, capability, set, &value) == 0 && value == CAP_SET;
}

bool privileges_can_change(void)
{
    cleanup_cap cap_t caps = cap_get_proc();

    /* Root that lacks the capabilities counts too: its attempt to drop root must fail aloud. */
    return geteuid() == 0 || (caps && has_capability(caps, CAP_EFFECTIVE, CAP_SETUID) &&
                              has_capability(caps, CAP_EFFECTIVE, CAP_SETGID));
}

static bool is_kept(int capability, const int *keep, size_t keep_count)
{
    for (size_t i = 0; i < keep_count; i++) {
        if (keep[i] == capability)
            return true;
    }
    return false;
}

/* Sets permitted and effective to these lists, cut to what is permitted now; inheritable to
 * nothing. */
static int set_capabilities(const int *permitted, size_t permitted_count, const int *effective,
                            size_t effective_count)
{
    cleanup_cap cap_t caps = cap_init();

    if (!caps)
        return -1;
    for (size_t i = 0; i < permitted_count; i++) {
        if (cap_set_flag(caps, CAP_PERMITTED, 1, &permitted[i], CAP_SET) < 0)
            return -1;
    }
    for (size_t i = 0; i < effective_count; i++) {
        if (cap_set_flag(caps, CAP_EFFECTIVE, 1, &effective[i], CAP_SET) < 0)
            return -1;
    }
    return cap_set_proc(caps);
}

/* What only CAP_SETPCAP may do, and must be done before it goes: a process that never had it was
 * started by one that did this already. */
static int close_bounding_set(const int *keep, size_t keep_count)
{
    for (int capability = 0; capability < cap_max_bits(); capability++) {
        if (!is_kept(capability, keep, keep_count) && cap_drop_bound(capability) < 0)
            return -1;
    }
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static int change_ids(const struct identity *identity)
{
    if (setgroups(0, NULL) < 0 || setresgid(identity->gid, identity->gid, identity->gid) < 0)
        return -1;
    return setresuid(identity->uid, identity->uid, identity->uid);
}

static bool ids_are(const struct identity *identity)
{
    uid_t uid, euid, suid;
    gid_t gid, egid, sgid;

    return getresuid(&uid, &euid, &suid) == 0 && getresgid(&gid, &egid, &sgid) == 0 &&
           uid == identity->uid && euid == identity->uid && suid == identity->uid &&
           gid == identity->gid && egid == identity->gid && sgid == identity->gid &&
           getgroups(0, NULL) == 0;
}

/* Tries to become what it was. Called while no capability is effective: those in `keep` may well be
 * meant to change users again. */
static bool can_regain(const struct identity *before, const struct identity *now)
{
    if (before->uid != now->uid && setresuid((uid_t)-1, before->uid, (uid_t)-1) == 0)
        return true;
    if (before->gid != now->gid && setresgid((gid_t)-1, before->gid, (gid_t)-1) == 0)
        return true;
    return setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || setresgid((gid_t)-1, 0, (gid_t)-1) == 0;
}

static int verify(const int *keep, size_t keep_count, bool closed, struct error *error)
{
    static const cap_flag_t sets[] = {CAP_PERMITTED, CAP_EFFECTIVE, CAP_INHERITABLE};
    cleanup_cap cap_t caps = cap_get_proc();

    if (!caps)
        return error_set_system(error, errno, "cannot read capabilities back");
    for (int capability = 0; capability < cap_max_bits(); capability++) {
        bool kept = is_kept(capability, keep, keep_count);

        for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
            bool wanted = kept && sets[i] != CAP_INHERITABLE;

            if (has_capability(caps, sets[i], capability) != wanted)
                return error_set(error, ERROR_SYSTEM,
                                 "capability %d is %s after the change of user", capability,
                                 wanted ? "missing" : "still there");
        }
        if (closed && !kept && cap_get_bound(capability) != 0)
            return error_set(error, ERROR_SYSTEM, "capability %d is still in the bounding set",
                             capability);
    }
    if (closed && (prctl(PR_GET_SECUREBITS) & (SECUREBITS_ON | SECUREBITS_OFF)) != SECUREBITS_ON)
        return error_set(error, ERROR_SYSTEM, "the securebits are not locked");
    return 0;
}

enum { KEEP_MAXIMUM = 8 };

/* Changes the identity, in a process that may do so. The order matters: each step drops a privilege
 * that earlier ones needed. */
static int change(const struct identity *identity, const int *keep, size_t keep_count,
                  bool may_close, struct error *error)
{
    const struct identity before = {.uid = getuid(), .gid = getgid()};
    int permitted[KEEP_MAXIMUM + 1];
    const int setpcap = CAP_SETPCAP;
    size_t permitted_count = keep_count;

    for (size_t i = 0; i < keep_count; i++)
        permitted[i] = keep[i];
    if (may_close) {
        permitted[permitted_count++] = CAP_SETPCAP; /* until the securebits are locked */
        if (close_bounding_set(keep, keep_count) < 0)
            return error_set_system(error, errno, "cannot empty the capability bounding set");
        if (set_securebits(SECBIT_KEEP_CAPS, 0) < 0)
            return error_set_system(error, errno, "cannot set the securebits");
    }
    if (change_ids(identity) < 0)
        return error_set_system(error, errno, "cannot become user %u, group %u", identity->uid,
                                identity->gid);
    if (!ids_are(identity))
        return error_set(error, ERROR_SYSTEM, "user and group are not %u:%u after the change",
                         identity->uid, identity->gid);
    if (set_capabilities(permitted, permitted_count, NULL, 0) < 0)
        return error_set_system(error, errno, "cannot drop capabilities");
    if (can_regain(&before, identity))
        return error_set(error, ERROR_SYSTEM, "the user from before could be regained");
    if (may_close) {
        if (set_capabilities(permitted, permitted_count, &setpcap, 1) < 0)
            return error_set_system(error, errno, "cannot drop capabilities");
        if (set_securebits(SECUREBITS_ON, SECUREBITS_OFF) < 0)
            return error_set_system(error, errno, "cannot lock the securebits");
    }
    return 0;
}

int privileges_drop(const struct identity *identity, const int *keep, size_t keep_count,
                    struct error *error)
{
    cleanup_cap cap_t caps = NULL;
    bool may_close = false;

    assert(keep_count <= KEEP_MAXIMUM);
    if (privileges_can_change()) {
        if (identity->uid == 0 || identity->gid == 0)
            return error_set(error, ERROR_INVALID,
                             "the user to change to is root: configure an ordinary user and group");
        caps = cap_get_proc();
        if (!caps)
            return error_set_system(error, errno, "cannot read capabilities");
        may_close = has_capability(caps, CAP_EFFECTIVE, CAP_SETPCAP);
        if (change(identity, keep, keep_count, may_close, error) < 0)
            return -1;
    } else {
        keep_count = 0; /* there is nothing to keep */
    }
    if (set_capabilities(keep, keep_count, keep, keep_count) < 0)
        return error_set_system(error, errno, "cannot drop capabilities");
    return verify(keep, keep_count, may_close, error);
}

int privileges_harden(struct error *error)
{
    const struct rlimit none = {0, 0};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set_system(error, errno, "cannot set no-new-privileges");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return error_set_system(error, errno, "cannot become undumpable");
    if (setrlimit(RLIMIT_CORE, &none) < 0)
        return error_set_system(error, errno, "cannot forbid core files");
    return 0;
}
