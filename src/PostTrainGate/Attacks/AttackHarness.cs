namespace PostTrainGate.Attacks;

/// <summary>Runs an attack over many rows: batches, projects, clips, judges success, counts, attacks only what still stands.</summary>
public static class AttackHarness;
