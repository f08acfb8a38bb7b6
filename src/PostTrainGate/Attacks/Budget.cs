namespace PostTrainGate.Attacks;

/// <summary>Norm and epsilon of a perturbation and the bounds of inputs; owns distance, projection and clipping.</summary>
/// <param name="Norm">The norm.</param>
/// <param name="Epsilon">Largest size, in the data's units.</param>
/// <param name="Lower">Smallest legal input value.</param>
/// <param name="Upper">Largest legal input value.</param>
public sealed record Budget(Norm Norm, double Epsilon, double Lower, double Upper);
