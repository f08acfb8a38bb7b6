namespace PostTrainGate.Metrics;

/// <summary>A gate that may fail for a time: until then it warns, after it the run fails again.</summary>
/// <param name="Until">The last day, in UTC.</param>
/// <param name="Reason">Why it is borne.</param>
public sealed record AcceptedFailure(DateOnly Until, string Reason);
