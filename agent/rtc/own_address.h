/* The addresses of this machine: previews connect to these only. */
#ifndef DH_RTC_OWN_ADDRESS_H
#define DH_RTC_OWN_ADDRESS_H

#include <stdbool.h>

/* Call fn for each address of this machine that a socket of another program here can reach: loopback and interfaces,
 * IPv4 and IPv6 without link-local. text is borrowed. Any thread. */
void dh_own_address_each(void (*fn)(void *arg, const char *text), void *arg);

/* Whether text ("127.0.0.1", "::1") is an address of this machine. Any thread. */
bool dh_own_address_is(const char *text);

/* The same, and its interface works: switched on, its cable plugged in. Any thread. */
bool dh_own_address_is_up(const char *text);

#endif
