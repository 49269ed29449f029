/* A page as they were written for the predecessor in 2018: globals, callbacks, no modules. Only the script's address is new. */
var told = []; /* for the test: [name, what came] */

function tell(name, ret) {
	told.push([name, JSON.parse(JSON.stringify(ret === undefined ? null : ret))]);
	var line = document.createElement('li');
	line.appendChild(document.createTextNode(name + ' ' + JSON.stringify(ret)));
	document.getElementById('log').appendChild(line);
	document.dispatchEvent(new Event('told'));
}

function value(id) {
	return document.getElementById(id).value;
}

function openRoom(action) {
	getSDKLoginInfo({
		data: { userID: value('userID'), loginServerDoMain: '/weapp/utils/get_login_info', method: 'GET' },
		success: function (res) {
			if (res.status !== 200) {
				return;
			}
			var login = res.data;
			document.getElementById('text_div').textContent = 'Opening ...';
			RtcRoom.startEXE({
				userdata: { userID: login.userID, userName: value('userID').toUpperCase(), sdkAppID: login.sdkAppID, accType: login.accountType,
					userSig: login.userSig },
				roomdata: { serverDomain: login.serverDomain, roomAction: action, roomID: value('roomID'), roomName: 'Room of ' + value('userID'),
					roomTitle: value('roomTitle'), roomLogo: '', template: EnumDef.Template.Template1V3 },
				custom: JSON.parse(value('custom')),
				success: function (ret) {
					document.getElementById('text_div').textContent = '';
					tell('success', ret);
				},
				fail: function (ret) {
					tell('fail', ret);
					if (ret.errCode == -1) {
						document.getElementById('download').style.display = 'block';
					}
				}
			});
		},
		fail: function (ret) {
			tell('loginFail', ret);
		}
	});
}

window.onload = function () {
	document.getElementById('download').style.display = 'none';
	RtcRoom.setListener({
		onRoomClose: function (ret) {
			tell('onRoomClose', ret);
		},
		onMemberChange: function (ret) {
			tell('onMemberChange', ret.list);
		},
		onRecvRoomIMMsg: function (ret) {
			tell('onRecvRoomIMMsg', ret);
		},
		onRecvEvent: function (ret) {
			tell('onRecvEvent', ret);
		}
	});
	document.getElementById('create').onclick = function () {
		openRoom(EnumDef.RoomAction.CreateRoom);
	};
	document.getElementById('enter').onclick = function () {
		openRoom(EnumDef.RoomAction.EnterRoom);
	};
	document.getElementById('stop').onclick = function () {
		RtcRoom.stopEXE({ data: { roomID: value('roomID') }, success: function (ret) {
			tell('stopped', ret);
		}, fail: function (ret) {
			tell('stopFail', ret);
		} });
	};
	document.getElementById('snapshot').onclick = function () {
		PushPlay.videoSnapshot({ data: { userRole: 'pusher' }, fail: function (ret) {
			tell('snapshotFail', ret);
		} });
	};
	document.getElementById('download').onclick = function () {
		window.open(EnumDef.EXEUrl);
	};
};

window.onbeforeunload = function () {
	RtcRoom.unload();
};
