/** What connect() and calls can fail with: name or reason -> [what is wrong, what to do]. The demo page shows the same. */
export const texts = {
	en: {
		not_installed: ['Deskhand is not installed on this computer.', 'Install the Deskhand package, then try again. If it is installed: start it, and allow this site by a click on the extension’s icon.'],
		extension_missing: ['The Deskhand extension does not answer on this page.', 'Install or enable the extension; if its icon is there, click it and choose “Allow this site”.'],
		agent_down: ['The Deskhand agent is not running.', 'Start Deskhand from the menu, or run “deskhand doctor” in a terminal: it names the cause.'],
		blocked_by_browser: ['The browser does not let this page reach programs on this computer.', 'Click the icon left of the address and allow “apps and services on this device”; the page must be https. The extension needs no such permission.'],
		denied: ['This site has no permission to use Deskhand.', 'On this computer run: deskhand grants allow ORIGIN SCOPE… – or ask your administrator to list the site.'],
		version_mismatch: ['This page and the installed Deskhand do not fit together.', 'Update Deskhand, or ask the site to update its SDK.'],
		sandboxed_browser: ['This browser is sandboxed (Snap or Flatpak) and cannot reach the agent.', 'Use the browser from your distribution’s own packages.'],
		host_forbidden: ['The installed Deskhand does not know this extension.', 'Run “deskhand manifests list”, or use the extension that came with the package.'],
		host_disabled: ['Your administrator turned native messaging off.', 'Ask for io.deskhand.host in the browser policy NativeMessagingAllowlist.'],
		prompt: ['The browser is asking whether this page may reach programs on this computer.', 'Answer the browser’s question with “Allow”, then try again.'],
		frame_not_allowed: ['Deskhand does not speak to this embedded frame.', 'Open the page in its own tab, or ask your administrator to list the embedding site as well.'],
		impostor: ['Another program answers in Deskhand’s place.', 'Stop it. If Deskhand was installed anew, forget the old pairing (Deskhand.forget()) and try again.'],
		ETIMEDOUT: ['The agent did not answer in time.', 'Try again; “deskhand status” shows what it is busy with.'],
		ECLOSED: ['The connection to the agent was lost.', 'It is made again by itself; repeat the action then.'],
	},
	zh: {
		not_installed: ['此计算机尚未安装 Deskhand。', '请安装 Deskhand 软件包后重试。如已安装，请启动它，并点击扩展程序图标允许此网站。'],
		extension_missing: ['Deskhand 扩展程序未在此页面响应。', '请安装或启用扩展程序；如果能看到图标，请点击并选择“允许此网站”。'],
		agent_down: ['Deskhand 代理程序未运行。', '请从菜单启动 Deskhand，或在终端运行“deskhand doctor”查看原因。'],
		blocked_by_browser: ['浏览器禁止此页面访问本机程序。', '请点击地址栏左侧图标，允许“此设备上的应用和服务”；页面须为 https。使用扩展程序则无需此权限。'],
		denied: ['此网站没有使用 Deskhand 的权限。', '请在本机运行：deskhand grants allow 网站 权限……，或请管理员将此网站列入名单。'],
		version_mismatch: ['此页面与已安装的 Deskhand 版本不兼容。', '请更新 Deskhand，或请网站更新其 SDK。'],
		sandboxed_browser: ['此浏览器在沙盒（Snap 或 Flatpak）中运行，无法访问代理程序。', '请使用系统软件包中的浏览器。'],
		host_forbidden: ['已安装的 Deskhand 不认识此扩展程序。', '请运行“deskhand manifests list”检查，或使用软件包附带的扩展程序。'],
		host_disabled: ['管理员已禁用本机消息传递。', '请管理员将 io.deskhand.host 加入浏览器策略 NativeMessagingAllowlist。'],
		prompt: ['浏览器正在询问是否允许此页面访问本机程序。', '请在浏览器的提示中选择“允许”，然后重试。'],
		frame_not_allowed: ['Deskhand 不与此嵌入框架通信。', '请在单独的标签页中打开，或请管理员同时列入外层网站。'],
		impostor: ['有其他程序冒充 Deskhand 应答。', '请停止该程序。如重新安装过 Deskhand，请清除旧配对（Deskhand.forget()）后重试。'],
		ETIMEDOUT: ['代理程序未及时应答。', '请重试；“deskhand status”可显示其当前状态。'],
		ECLOSED: ['与代理程序的连接已断开。', '连接会自动恢复，届时请重复操作。'],
	},
};

/** 'zh' or 'en' for a BCP 47 tag; default: the page's language, then the browser's. */
export function language(tag = globalThis.document?.documentElement?.lang || globalThis.navigator?.language || 'en') {
	return /^zh/i.test(tag) ? 'zh' : 'en';
}
