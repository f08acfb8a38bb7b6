namespace PostTrainGate.Repairs;

/// <summary>Tells from the mean loss of each window of steps whether tuning diverges.</summary>
internal sealed class LossWatch
{
    private const double Factor = 4;
    private double _lowest = double.PositiveInfinity;

    /// <summary>Takes the mean loss of a window: it is no number, or several times the lowest so far.</summary>
    public bool HasDiverged(double loss)
    {
        if (!double.IsFinite(loss) || loss > Factor * _lowest)
            return true;
        _lowest = Math.Min(_lowest, loss);
        return false;
    }

    /// <summary>After a return to an earlier state nothing is known.</summary>
    public void Restart() => _lowest = double.PositiveInfinity;
}
