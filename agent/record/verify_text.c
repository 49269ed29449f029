/* See verify_text.h. */
#include "agent/record/verify_text.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/alloc.h"

static const char *const verdict_names[] = {"whole", "altered", "unreadable", "unclean_end", "unknown_signer"};
static const char *const fault_names[] = {"", "changed", "removed", "inserted", "reordered", "truncated", "header_changed",
					  "index_changed", "signature_wrong", "signed_by_another", "other_head",
					  "segment_missing", "segment_swapped", "segment_foreign"};

const char *dh_verdict_name(enum dh_verdict v)
{
	return verdict_names[v];
}

const char *dh_fault_name(enum dh_fault f)
{
	return fault_names[f];
}

void dh_hash_to_hex(const uint8_t hash[DH_HASH_BYTES], char out[2 * DH_HASH_BYTES + 1])
{
	for (int i = 0; i < DH_HASH_BYTES; i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

bool dh_hash_from_hex(const char *text, uint8_t out[DH_HASH_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	if (strlen(text) != 2 * DH_HASH_BYTES)
		return false;
	for (int i = 0; i < 2 * DH_HASH_BYTES; i++) {
		const char *d = strchr(digits, text[i] >= 'A' && text[i] <= 'F' ? text[i] + 32 : text[i]);
		if (!d)
			return false;
		out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] | (d - digits) : (d - digits) << 4);
	}
	return true;
}

bool dh_key_from_base64(const char *text, uint8_t out[DH_PUBLIC_KEY_BYTES])
{
	uint8_t bytes[DH_PUBLIC_KEY_BYTES + 4]; /* 44 characters, the last one "=" */
	if (strlen(text) != 44 || text[43] != '=' ||
	    EVP_DecodeBlock(bytes, (const unsigned char *)text, 44) != DH_PUBLIC_KEY_BYTES + 1)
		return false;
	memcpy(out, bytes, DH_PUBLIC_KEY_BYTES);
	return true;
}

static const char *utc_text(int64_t utc_us, char out[40])
{
	struct tm tm = {0};
	time_t s = (time_t)(utc_us / 1000000);
	char date[40] = "";
	if (utc_us < 0 || !gmtime_r(&s, &tm) || !strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm))
		snprintf(date, sizeof(date), "?");
	snprintf(out, 40, "%.30s.%03dZ", date, (int)(utc_us / 1000 % 1000));
	return out;
}

static const char *what_happened(const struct dh_verify_report *r)
{
	switch (r->fault) {
	case DH_FAULT_CHANGED: return "the fragment or its link was changed";
	case DH_FAULT_REMOVED: return "something was removed here";
	case DH_FAULT_INSERTED: return "something was inserted here";
	case DH_FAULT_REORDERED: return "fragments were put into another order";
	case DH_FAULT_TRUNCATED: return "the file was cut off here";
	case DH_FAULT_HEADER_CHANGED: return "the head of the file was changed";
	case DH_FAULT_INDEX_CHANGED: return "the index at the end of the file, or its link, was changed";
	case DH_FAULT_SIGNATURE_WRONG: return "the signature is wrong or was taken away";
	case DH_FAULT_RESIGNED: return "it was signed by another key than the recording's own";
	case DH_FAULT_OTHER_HEAD:
		return "the head that was kept is not in it: it is another recording, or was cut or made anew";
	default: return "";
	}
}

/* Where a file that is whole belongs. */
static void say_place(struct dh_verify_report *r)
{
	size_t n = strlen(r->text);
	if (r->segment && r->verdict != DH_VERDICT_ALTERED)
		snprintf(r->text + n, sizeof(r->text) - n, " It is part %d of a recording%s%.80s.", r->segment,
			 r->next_name[0] ? "; it goes on in " : "", r->next_name);
}

void dh_verify_say(struct dh_verify_report *r)
{
	char utc[40];
	const char *recovered = r->is_recovered ? ", recovered after an interruption" : "";
	switch (r->verdict) {
	case DH_VERDICT_WHOLE:
		snprintf(r->text, sizeof(r->text), "The recording is whole and signed by a trusted key%s.", recovered);
		break;
	case DH_VERDICT_UNCLEAN:
		snprintf(r->text, sizeof(r->text), "The recording is whole up to where its writer was cut off, or still is: "
						   "fragment %u.", r->links - 1);
		break;
	case DH_VERDICT_UNKNOWN_SIGNER:
		snprintf(r->text, sizeof(r->text), "The recording is whole%s, but %s.", recovered,
			 r->is_signed ? "the key that signed it is not known here" : "it is not signed");
		break;
	default:
		snprintf(r->text, sizeof(r->text), "Altered at fragment %u, %.3f s into the recording, %s: %s.",
			 r->fault_seq, (double)r->fault_media_us / 1e6, utc_text(r->fault_utc_us, utc), what_happened(r));
	}
	say_place(r);
}

/* How many bytes the character at p has, 0: not UTF-8, or none to be shown. Source: RFC 3629, 4. */
static size_t character(const unsigned char *p)
{
	if (*p < 0x80)
		return *p >= ' ' && *p != 0x7f;
	size_t n = *p >= 0xc2 && *p < 0xe0 ? 2 : *p >= 0xe0 && *p < 0xf0 ? 3 : *p >= 0xf0 && *p < 0xf5 ? 4 : 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	bool is_wrong = (*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90) ||
			(*p == 0xf4 && p[1] > 0x8f);
	return is_wrong ? 0 : n;
}

/* What a file says goes to terminals and into JSON: "?" for all that is no text. */
static void add_clean_text(cJSON *to, const char *name, const char *text)
{
	char out[sizeof(((struct dh_note *)0)->text)];
	dh_strcopy(out, sizeof(out), text);
	for (unsigned char *p = (unsigned char *)out; *p;) {
		size_t n = character(p);
		if (!n)
			*p = '?';
		p += n ? n : 1;
	}
	cJSON_AddStringToObject(to, name, out);
}

cJSON *dh_verify_note_to_json(const struct dh_note *n, const struct dh_link *l)
{
	char utc[40];
	cJSON *v = cJSON_CreateObject();
	cJSON_AddStringToObject(v, "kind", dh_note_name(n->kind));
	add_clean_text(v, "who", n->who);
	add_clean_text(v, "text", n->text);
	cJSON_AddNumberToObject(v, "t_ms", (double)(l->media_us / 1000));
	cJSON_AddStringToObject(v, "utc", utc_text(n->utc_us, utc));
	return v;
}

static void add_fault(cJSON *to, const struct dh_verify_report *r)
{
	char utc[40];
	cJSON_AddStringToObject(to, "fault", dh_fault_name(r->fault));
	cJSON_AddNumberToObject(to, "fragment", r->fault_seq);
	cJSON_AddNumberToObject(to, "t_ms", (double)(r->fault_media_us / 1000));
	cJSON_AddStringToObject(to, "utc", utc_text(r->fault_utc_us, utc));
}

cJSON *dh_verify_to_json(const struct dh_verify_report *r)
{
	char hex[2 * DH_HASH_BYTES + 1], utc[40], key[DH_AGENT_KEY_BASE64];
	cJSON *v = cJSON_CreateObject();
	cJSON_AddStringToObject(v, "verdict", dh_verdict_name(r->verdict));
	cJSON_AddNumberToObject(v, "exit_code", r->verdict);
	cJSON_AddStringToObject(v, "text", r->text);
	if (r->fault)
		add_fault(v, r);
	if (!r->links)
		return v;
	dh_hash_to_hex(r->head, hex);
	cJSON *chain = cJSON_AddObjectToObject(v, "chain");
	cJSON_AddNumberToObject(chain, "seq", r->links - 1);
	cJSON_AddStringToObject(chain, "head", hex);
	cJSON_AddNumberToObject(v, "bytes", (double)r->file_bytes);
	cJSON_AddNumberToObject(v, "duration_ms", (double)(r->media_us / 1000));
	cJSON_AddNumberToObject(v, "video_frames", (double)r->video_samples);
	cJSON_AddNumberToObject(v, "audio_packets", (double)r->audio_samples);
	cJSON_AddStringToObject(v, "started", utc_text(r->started_utc_us, utc));
	cJSON_AddStringToObject(v, "ended", utc_text(r->ended_utc_us, utc));
	if (r->segment)
		cJSON_AddNumberToObject(v, "segment", r->segment);
	if (r->previous_name[0])
		add_clean_text(v, "previous_file", r->previous_name);
	if (r->next_name[0])
		add_clean_text(v, "next_file", r->next_name);
	cJSON_AddBoolToObject(v, "is_finished", r->is_finished);
	cJSON_AddBoolToObject(v, "is_recovered", r->is_recovered);
	if (r->is_signed) {
		EVP_EncodeBlock((unsigned char *)key, r->signer, DH_PUBLIC_KEY_BYTES);
		cJSON_AddStringToObject(v, "signer", key);
	}
	cJSON_AddItemToObject(v, "notes", cJSON_Duplicate(r->notes, true));
	return v;
}
