/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's side of the attach socket (attach.h): who is connected, what each still has to
 * get, what they send. It blocks nowhere; the relay polls for it.
 */
#ifndef IMGC_RUNTIME_ATTACH_SERVER_H
#define IMGC_RUNTIME_ATTACH_SERVER_H

#include <poll.h>

#include "runtime/attach.h"

#define ATTACH_SERVER_CLIENTS 32 /* more wait to be accepted */
#define ATTACH_SERVER_POLLS (1 + ATTACH_SERVER_CLIENTS)

struct attach_server_client {
    int fd; /* -1: nobody */
    bool has_greeted, wants_output, is_owner;
    unsigned pending; /* bit n: has still to get what output n holds */
    int64_t stuck_ms; /* when it first did not take what it has to get; 0: it does */
};

struct attach_server {
    int listen_fd; /* owned; -1: nobody can connect */
    struct attach_state state;
    bool owner_is_lost; /* gone without a word */
    struct attach_server_client clients[ATTACH_SERVER_CLIENTS];
};

/** @take_listen_fd  of attach_listen(), or -1. */
void attach_server_init(struct attach_server *s, int take_listen_fd);
void attach_server_done(struct attach_server *s);
#define attach_server_auto imgc_auto(attach_server_done)

/** Add the owner (attach.h), who is connected already, by attach_pair(), and gets all output.
 * s->state is set. @take_fd  is made non-blocking. */
void attach_server_adopt(struct attach_server *s, int take_fd);

/** What to poll for, ATTACH_SERVER_POLLS of them. @takes_input  false: clients are not listened to
 * until the input that they have sent is gone. */
void attach_server_prepare(const struct attach_server *s, bool takes_input, struct pollfd *polls);

/* What clients have sent in one round. */
struct attach_server_input {
    char *buf; /* of the caller, ATTACH_DATA_MAX bytes */
    size_t len;
    bool ended, has_size;
    struct attach_size size; /* the newest */
};

/** Serve whoever poll() names; at most one packet of input is taken. */
void attach_server_serve(struct attach_server *s, const struct pollfd *polls,
                         struct attach_server_input *ret);

/** There is new output @n (0 stdout, 1 stderr): everybody who wants it has to get it. */
void attach_server_offer(struct attach_server *s, unsigned n);

/** Send it to those who have not got it and can take it now. @return whether everybody has it. */
bool attach_server_send(struct attach_server *s, unsigned n, const void *ptr, size_t len);

/** Output @n is not to be had any more. */
void attach_server_withdraw(struct attach_server *s, unsigned n);

/** How long it may take until somebody's patience is over, for poll(): ms; -1: nobody is slow. */
int attach_server_patience(const struct attach_server *s);

/** Let those go who have taken nothing for ATTACH_PATIENCE_MS; with @everybody all who have not got
 * everything yet. */
void attach_server_drop_slow(struct attach_server *s, bool everybody);

/** Whether the container's terminal is to hang up: the owner is lost, and nobody else watches. */
bool attach_server_is_deserted(const struct attach_server *s);

/** Take in those who have connected, and nobody any more from now on. */
void attach_server_close(struct attach_server *s);

/** Tell everybody how it ended and let them go. All of those who are slow have a moment together;
 * the owner has all the time. */
void attach_server_exit(struct attach_server *s, const struct attach_exit *exit);

#endif
