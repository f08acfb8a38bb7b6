namespace PostTrainGate.Cli.GitHub.Fix;

/// <summary>Why a repaired model is not proposed, as a sentence.</summary>
internal sealed class RepairRefusedException(string why) : Exception(why);
