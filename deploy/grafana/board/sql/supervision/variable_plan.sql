SELECT title AS __text, plan_id AS __value FROM dashboard.reduction_plan ORDER BY deadline DESC, title
