/* Texts that the agent shows to people inside pictures and dialogs, in English and Simplified Chinese. What the
 * pages show is in js/src/texts.js, what the extension shows in web-extension/_locales. Logs and the command line
 * are English. */
#ifndef DH_COMMON_TEXT_H
#define DH_COMMON_TEXT_H

#define DH_TEXT_MAP(XX)                                                                          \
	XX(CAMERA_ABSENT, "Camera is absent", "摄像头不可用")                                    \
	XX(SCREEN_ABSENT, "Screen is absent", "屏幕不可用")                                      \
	XX(CONNECTING, "Connecting", "正在连接")                                                 \
	XX(SCREEN, "screen", "屏幕")                                                             \
	XX(CAMERA_OFF, "Camera is off", "摄像头已关闭")

enum dh_text {
	DH_TEXT_NONE,
#define XX(name, en, zh) DH_TEXT_##name,
	DH_TEXT_MAP(XX)
#undef XX
};

/* The text in the user's language (LC_ALL, LC_MESSAGES, LANG; English unless it is Chinese). Any thread. */
const char *dh_text(enum dh_text id);

#endif
