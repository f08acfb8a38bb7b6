namespace PostTrainGate.Repairs;

/// <summary>Tells from the mean loss of each window of steps whether tuning has gone astray.</summary>
/// <param name="factor">A window whose loss is that many times the lowest so far has.</param>
internal sealed class LossWatch(double factor)
{
    private double _lowest = double.PositiveInfinity;

    /// <summary>Takes the mean loss of a window.</summary>
    public bool HasDiverged(double loss)
    {
        if (!double.IsFinite(loss) || loss > factor * _lowest) return true;
        _lowest = Math.Min(_lowest, loss);
        return false;
    }

    /// <summary>After a return to an earlier state nothing is known.</summary>
    public void Restart() => _lowest = double.PositiveInfinity;
}
