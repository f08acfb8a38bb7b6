namespace PostTrainGate.Policy;

/// <summary>The norm that a perturbation is measured in.</summary>
public enum Norm
{
    /// <summary>Largest change of a single value.</summary>
    Linf,

    /// <summary>Euclidean length.</summary>
    L2,

    /// <summary>Sum of the sizes of all changes.</summary>
    L1,
}
