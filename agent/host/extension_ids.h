/* Who may start deskhand-host: the ids of our own extension, and the name browsers know the host by.
 * The Chromium id follows from `key` in web-extension/manifest.json; a test compares the two. */
#ifndef DH_HOST_EXTENSION_IDS_H
#define DH_HOST_EXTENSION_IDS_H

/* Lower case, digits, dots: what both Chromium and Firefox accept. */
#define DH_HOST_NAME "io.deskhand.host"

/* SHA-256 of the public key, its first 16 bytes spelt a-p instead of 0-f. */
#define DH_EXTENSION_ID_CHROMIUM "pegccibcnjfjondlfoninmfilhnmnbba"

/* browser_specific_settings.gecko.id */
#define DH_EXTENSION_ID_FIREFOX "extension@deskhand.io"

#endif
