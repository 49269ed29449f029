/** An event of the agent or of the SDK: `type` is its name, `detail` its fields. */
export class DeskhandEvent extends Event {
	constructor(type, detail) {
		super(type);
		this.detail = detail;
	}
}
