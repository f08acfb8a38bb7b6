namespace PostTrainGate.Policy;

/// <summary>How a network's outputs are bounded.</summary>
public enum BoundMethod
{
    /// <summary>Interval bound propagation (Gowal et al. 2018): fast and loose.</summary>
    Ibp,

    /// <summary>Linear bounds, propagated backwards (CROWN, Zhang et al. 2018); never looser than intervals.</summary>
    Crown,
}
