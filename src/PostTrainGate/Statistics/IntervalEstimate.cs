namespace PostTrainGate.Statistics;

/// <summary>An estimate with its confidence interval.</summary>
/// <param name="Value">The estimate.</param>
/// <param name="Lower">Lower end of the interval.</param>
/// <param name="Upper">Upper end of the interval.</param>
/// <param name="Count">Rows it rests on.</param>
public readonly record struct IntervalEstimate(double Value, double Lower, double Upper, int Count);
