/* Who is silent is asked once, who answers is left alone, who does not is given up. */
#include "room-service/idle.h"

#include "tst.h"

#define S 1000000LL

static struct dh_idle idle;
static struct dh_idle_node a, b;

static void begin(void)
{
	dh_idle_init(&idle);
	dh_list_init(&a.node);
	dh_list_init(&b.node);
	dh_idle_heard(&idle, &a, 100 * S);
	dh_idle_heard(&idle, &b, 101 * S);
}

static void the_longest_silent_is_asked_first(void)
{
	begin();
	TST_CHECK(!dh_idle_next_to_ask(&idle, 124 * S));
	TST_CHECK(dh_idle_next_to_ask(&idle, 125 * S) == &a);
	TST_CHECK(!dh_idle_next_to_ask(&idle, 125 * S));
	TST_CHECK(dh_idle_next_to_ask(&idle, 126 * S) == &b);
	TST_CHECK(!dh_idle_next_to_ask(&idle, 200 * S)); /* each once */
}

static void who_answers_stays(void)
{
	begin();
	TST_CHECK(dh_idle_next_to_ask(&idle, 126 * S) == &a);
	TST_CHECK(dh_idle_next_to_ask(&idle, 126 * S) == &b);
	dh_idle_heard(&idle, &a, 127 * S);
	TST_CHECK(!dh_idle_next_gone(&idle, 140 * S));
	TST_CHECK(dh_idle_next_gone(&idle, 141 * S) == &b);
	TST_CHECK(!dh_idle_next_gone(&idle, 500 * S));
	TST_CHECK(dh_idle_next_to_ask(&idle, 152 * S) == &a);
	TST_CHECK(dh_idle_next_gone(&idle, 167 * S) == &a);
	TST_CHECK(dh_idle_is_empty(&idle));
}

static void who_speaks_is_not_asked(void)
{
	begin();
	for (int s = 101; s < 200; s += 10)
		dh_idle_heard(&idle, &a, s * S);
	TST_CHECK(dh_idle_next_to_ask(&idle, 200 * S) == &b);
	TST_CHECK(!dh_idle_next_to_ask(&idle, 200 * S));
}

static void who_goes_is_forgotten(void)
{
	begin();
	TST_CHECK(dh_idle_next_to_ask(&idle, 126 * S) == &a);
	dh_list_del(&a.node);
	dh_list_del(&b.node);
	TST_CHECK(dh_idle_is_empty(&idle));
	TST_CHECK(!dh_idle_next_gone(&idle, 500 * S) && !dh_idle_next_to_ask(&idle, 500 * S));
}

TST_MAIN({"the longest silent is asked first, each once", the_longest_silent_is_asked_first},
	 {"who answers stays, who does not is given up after 40 s", who_answers_stays},
	 {"who speaks is not asked", who_speaks_is_not_asked}, {"who goes is forgotten", who_goes_is_forgotten})
