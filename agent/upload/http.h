/* An HTTP/1.1 client that waits: the way from the uploads to libcurl, which lives in the drivers module.
 * dh_drivers()->http is it; NULL in a build without. One request at a time. */
#ifndef DH_UPLOAD_HTTP_H
#define DH_UPLOAD_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct dh_http;

struct dh_http_ops {
	/* A header line of the answer. False ends the request with DH_EPROTO. */
	bool (*line)(void *user, const char *line, size_t size);
	/* So many bytes of the body are on their way. */
	void (*sent)(void *user, size_t bytes);
};

struct dh_http_request {
	const char *method, *url;
	const char *const *headers; /* "Name: value", NULL-ended */
	const uint8_t *body;        /* NULL: none */
	size_t body_bytes;
	int timeout_s;              /* of all of it; 0: as long as bytes flow */
};

struct dh_http_api {
	/* Connections are kept and used again. ca_file: PEM, whom to trust besides the system's list; NULL: nobody.
	 * Proxies are those of the environment. user: given to ops. Loop thread. Errors: DH_ENOMEM. */
	int (*open)(struct dh_http **out, const char *ca_file, const struct dh_http_ops *ops, void *user, struct dh_err *e);
	void (*close)(struct dh_http *h);
	/* Any thread, one at a time; blocks. Whatever status comes is a success here. Redirects are not followed; an
	 * answer's body is dropped. Errors: DH_EIO no connection, or it broke; DH_EPERM the certificate is not trusted;
	 * DH_EPROTO no HTTP; DH_ECANCELED. */
	int (*request)(struct dh_http *h, const struct dh_http_request *r, struct dh_err *e);
	/* End the request under way, and all later ones. Any thread. */
	void (*cancel)(struct dh_http *h);
};

extern const struct dh_http_api dh_http_curl;

#endif
