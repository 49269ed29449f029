/* `deskhand manifests` as a program of its own, for test_manifests.py. */
#include "agent/cli/manifests.h"

int main(int argc, char **argv)
{
	return dh_cli_manifests(argc, argv);
}
